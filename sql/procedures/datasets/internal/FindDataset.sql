-- FindDataset: finds a version of a data set of scans or pictures by its name, the newest unless one is asked for.
-- Called by TakeMembers and every other procedure that is given the name of such a data set.
CREATE OR ALTER PROCEDURE internal.FindDataset
    @Dataset NVARCHAR(128),         -- name in dbo.datasets
    @DatasetVersion INT,            -- its version, or NULL for the newest
    @DatasetVersionId INT OUTPUT,   -- the row of dbo.dataset_versions found
    @Kind VARCHAR(8) = 'scans'      -- scans or images
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Found VARCHAR(8), @Versions NVARCHAR(100), @Names NVARCHAR(1000);
    SET @DatasetVersionId = NULL;
    SET @Found = (SELECT kind FROM dbo.datasets WHERE name = @Dataset);
    IF @Found = @Kind
        SET @DatasetVersionId = (
            SELECT TOP (1) v.dataset_version_id
            FROM dbo.dataset_versions AS v
            INNER JOIN dbo.datasets AS d ON d.dataset_id = v.dataset_id
            WHERE d.name = @Dataset AND (@DatasetVersion IS NULL OR v.version = @DatasetVersion)
            ORDER BY v.version DESC);
    IF @DatasetVersionId IS NOT NULL
        RETURN 0;

    IF @Found <> @Kind
    BEGIN
        SET @Message = REPLACE(CONCAT(N'The data set ''', @Dataset, N''' is one of ', @Found, N', and one of ', @Kind,
            N' is needed here. Give the name of such a one; see dbo.dataset_list.'), N'%', N'%%');
        THROW 50273, @Message, 1;
    END;
    SET @Versions = (
        SELECT CONCAT(MIN(v.version), N' to ', MAX(v.version))
        FROM dbo.dataset_versions AS v
        INNER JOIN dbo.datasets AS d ON d.dataset_id = v.dataset_id
        WHERE d.name = @Dataset
        HAVING COUNT(*) > 0);
    SET @Names = LEFT(COALESCE((
        SELECT STRING_AGG(CAST(name AS NVARCHAR(MAX)), N', ') WITHIN GROUP (ORDER BY name) FROM dbo.datasets WHERE kind = @Kind),
        N'none'), 1000);
    SET @Message = REPLACE(IIF(@Versions IS NOT NULL,
        CONCAT(N'The data set ''', @Dataset, N''' has no version ', @DatasetVersion, N'. Its versions run from ', @Versions,
            N'; see dbo.dataset_list.'),
        CONCAT(N'There is no data set of ', @Kind, N' with the name ', COALESCE(N'''' + @Dataset + N'''', N'NULL'),
            N'. Data sets that are there: ', @Names, N'. Make one with CreateDataset.')), N'%', N'%%');
    THROW 50171, @Message, 1;
END;
