-- StoreDataset: stores the members in #members as a version of a data set, unless its newest version has the same ones.
-- members_sha256 is of the text, in UTF-16, of a line feed after each member: its scan_id or its name, a colon, its SHA-256 in
-- hexadecimal; by scan_id or name.
-- Called by CreateDataset, whose table #members it reads.
CREATE OR ALTER PROCEDURE internal.StoreDataset
    @Name NVARCHAR(128),        -- name of the data set
    @Kind VARCHAR(8),           -- scans or images
    @ChosenBy NVARCHAR(MAX),    -- what chose the members
    @Version INT OUTPUT,        -- its version
    @IsNew BIT OUTPUT           -- 1 where the version was made by this call
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @DatasetId INT, @Found VARCHAR(8), @Members INT, @Text NVARCHAR(MAX), @Digest VARBINARY(32);
    CREATE TABLE #placed (
        position INT IDENTITY(1, 1) NOT NULL PRIMARY KEY, scan_id INT NULL, image_name NVARCHAR(128) COLLATE DATABASE_DEFAULT NULL,
        content_sha256 VARBINARY(32) NOT NULL);
    INSERT INTO #placed (scan_id, image_name, content_sha256)
    SELECT scan_id, image_name, content_sha256 FROM #members ORDER BY scan_id, image_name;
    SET @Members = (SELECT COUNT(*) FROM #placed);
    SET @Text = (
        SELECT STRING_AGG(CONCAT(CAST(N'' AS NVARCHAR(MAX)), scan_id, image_name, N':', CONVERT(VARCHAR(64), content_sha256, 2), NCHAR(10)),
            N'') WITHIN GROUP (ORDER BY position)
        FROM #placed);
    SET @Digest = HASHBYTES('SHA2_256', CONVERT(VARBINARY(MAX), @Text));

    BEGIN TRANSACTION;
    SELECT @DatasetId = dataset_id, @Found = kind FROM dbo.datasets WITH (UPDLOCK, HOLDLOCK) WHERE name = @Name;
    IF @Found <> @Kind OR (@Found IS NULL AND EXISTS (SELECT 1 FROM dbo.examples WHERE dataset = @Name))
    BEGIN
        SET @Message = REPLACE(CONCAT(N'The name ''', @Name, N''' is that of a data set of ', COALESCE(@Found, 'examples'),
            N', and no data set of ', @Kind, N' can have it too. Take another name; see dbo.dataset_list.'), N'%', N'%%');
        THROW 50273, @Message, 1;
    END;
    IF @DatasetId IS NULL
    BEGIN
        INSERT INTO dbo.datasets (name, kind) VALUES (@Name, @Kind);
        SET @DatasetId = SCOPE_IDENTITY();
    END;
    SELECT TOP (1) @Version = version, @IsNew = CASE WHEN members_sha256 = @Digest THEN 0 ELSE 1 END
    FROM dbo.dataset_versions WITH (UPDLOCK, HOLDLOCK)
    WHERE dataset_id = @DatasetId
    ORDER BY version DESC;
    IF @IsNew = 0
    BEGIN
        COMMIT TRANSACTION;
        RETURN 0;
    END;
    SET @IsNew = 1;
    SET @Version = COALESCE(@Version, 0) + 1;
    INSERT INTO dbo.dataset_versions (dataset_id, version, chosen_by, members, members_sha256)
    VALUES (@DatasetId, @Version, @ChosenBy, @Members, @Digest);
    INSERT INTO dbo.dataset_members (dataset_version_id, position, scan_id, image_name, content_sha256)
    SELECT SCOPE_IDENTITY(), position, scan_id, image_name, content_sha256 FROM #placed;
    COMMIT TRANSACTION;
END;
