-- FindImageSet: finds the version of a data set of pictures that a name means, and says where its pictures are not what they were.
-- Called by TrainImageClassifier and PredictImages.
CREATE OR ALTER PROCEDURE internal.FindImageSet
    @Dataset NVARCHAR(128),        -- name of a data set, or NULL for every picture
    @DatasetVersion INT,           -- its version; NULL means the newest
    @DatasetVersionId INT OUTPUT   -- the row of dbo.dataset_versions; NULL for every picture
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Number INT, @Kind VARCHAR(8) = (SELECT kind FROM dbo.datasets WHERE name = @Dataset), @Changed INT;
    SET @DatasetVersionId = NULL;
    IF @Dataset IS NULL AND @DatasetVersion IS NULL
        RETURN 0;
    SET @DatasetVersionId = (
        SELECT TOP (1) v.dataset_version_id
        FROM dbo.dataset_versions AS v
        INNER JOIN dbo.datasets AS d ON d.dataset_id = v.dataset_id
        WHERE d.name = @Dataset AND v.version = COALESCE(@DatasetVersion, v.version)
        ORDER BY v.version DESC);
    IF @Kind <> 'images'
        SELECT @Number = 50304, @Message = CONCAT(N'The data set ''', @Dataset, N''' is one of ', @Kind,
            N'. Give one of pictures, which CreateDataset makes of a query that gives their names.');
    ELSE IF @DatasetVersionId IS NULL
        SELECT @Number = 50171, @Message = CONCAT(N'There is no data set ', COALESCE(N'''' + @Dataset + N'''', N'NULL'),
            COALESCE(CONCAT(N' with a version ', @DatasetVersion), N''), N'. Make one with CreateDataset; see dbo.datasets.');
    IF @Number IS NOT NULL
    BEGIN
        SET @Message = REPLACE(@Message, N'%', N'%%');
        THROW @Number, @Message, 1;
    END;

    SET @Changed = (
        SELECT COUNT(*)
        FROM dbo.dataset_members AS m
        LEFT JOIN dbo.images AS i ON i.name = m.image_name AND i.sha256 = m.content_sha256
        WHERE m.dataset_version_id = @DatasetVersionId AND i.name IS NULL);
    IF @Changed > 0
        RAISERROR(N'%d pictures of the data set %s were replaced or removed since; they are taken as they are now.', 0, 1,
            @Changed, @Dataset) WITH NOWAIT;
END;
