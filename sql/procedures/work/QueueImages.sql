-- QueueImages: puts the pictures that lack features into the queue, for workers beside the server (lungdb work), and makes none itself.
-- Example: EXECUTE dbo.QueueImages @ModelName = N'demo_resnet';
CREATE OR ALTER PROCEDURE dbo.QueueImages
    @ModelName NVARCHAR(128) = NULL, -- name of a network in dbo.networks, its newest version; needed
    @Layer NVARCHAR(256) = NULL,     -- one or more layers, with commas, each for its own feature set; NULL means penultimate
    @Recompute BIT = 0,              -- 1 makes the features of every picture again
    @Dataset NVARCHAR(128) = NULL,   -- data set whose pictures alone are featurized; NULL means all pictures
    @DatasetVersion INT = NULL,      -- its version; NULL means the newest
    @Help BIT = 0                    -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.QueueImages is the half of FeaturizeImages that needs no Python: it finds the pictures that lack features and puts those
that are not there into dbo.work_items. Sessions of FeaturizeImages with the same arguments and workers share them, each
picture once. The queue stays until all is done. It returns a row: work_id, pictures that were put there, pictures that
are open.
Parameters:
    @ModelName NVARCHAR(128) = NULL  name of a network in dbo.networks, its newest version; needed
    @Layer NVARCHAR(256) = NULL      one or more layers, with commas, each for its own feature set; NULL means penultimate
    @Recompute BIT = 0               1 makes the features of every picture again
    @Dataset NVARCHAR(128) = NULL    data set whose pictures alone are featurized; NULL means all pictures
    @DatasetVersion INT = NULL       its version; NULL means the newest
    @Help BIT = 0                    1 prints this help and does nothing else
Example:
    EXECUTE dbo.QueueImages @ModelName = N''demo_resnet'';';
        RETURN 0;
    END;

    DECLARE @NetworkId INT, @Bytes VARBINARY(MAX), @DatasetVersionId INT, @WorkId INT, @Arguments NVARCHAR(MAX), @Locked INT, @Before INT;
    CREATE TABLE #layers (layer INT NOT NULL PRIMARY KEY, name NVARCHAR(256) COLLATE DATABASE_DEFAULT NOT NULL);
    CREATE TABLE #todo (name NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL PRIMARY KEY, bytes BIGINT NOT NULL);
    CREATE TABLE #queue (
        item NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL PRIMARY KEY, position INT NOT NULL, grp INT NOT NULL, bytes BIGINT NOT NULL,
        state VARCHAR(10) COLLATE DATABASE_DEFAULT NOT NULL, attempts INT NOT NULL, error_number INT NULL,
        error NVARCHAR(2000) COLLATE DATABASE_DEFAULT NULL);
    SET @Layer = (SELECT STRING_AGG(LTRIM(RTRIM(value)), N',') FROM STRING_SPLIT(COALESCE(@Layer, N'penultimate'), N','));
    EXECUTE internal.CheckImageArguments @ModelName, @Layer, 32, 256, @Recompute;
    EXECUTE internal.FindImageSet @Dataset, @DatasetVersion, @DatasetVersionId OUTPUT;
    EXECUTE internal.FindNetwork @Bytes, @ModelName, @NetworkId OUTPUT;
    EXECUTE internal.NumberLayers @Layer;
    EXECUTE internal.CheckLayers @NetworkId;
    EXECUTE internal.DescribeImages @NetworkId, @Layer, @Recompute, @Arguments OUTPUT;

    BEGIN TRANSACTION;
    -- As JoinWork does, so that no session that leaves drops it meanwhile.
    SET @Locked = (SELECT COUNT(*) FROM dbo.work WITH (UPDLOCK, HOLDLOCK));
    EXECUTE internal.FindWork N'FeaturizeImages', @Arguments, @WorkId OUTPUT;
    EXECUTE internal.FindImagesToDo @NetworkId, @Recompute, @DatasetVersionId;
    SET @Before = (SELECT COUNT(*) FROM dbo.work_items WHERE work_id = @WorkId);
    EXECUTE internal.EnqueueImages @WorkId;
    UPDATE dbo.work SET is_queued = 1 WHERE work_id = @WorkId;
    COMMIT TRANSACTION;
    SELECT @WorkId AS work_id, COUNT(*) - @Before AS added, COALESCE(SUM(CASE WHEN state = 'open' THEN 1 ELSE 0 END), 0) AS [open]
    FROM dbo.work_items
    WHERE work_id = @WorkId;
END;
