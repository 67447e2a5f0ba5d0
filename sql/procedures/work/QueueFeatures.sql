-- QueueFeatures: puts the scans that lack features into the queue, for workers beside the server (lungdb work), and makes none itself.
-- Example: EXECUTE dbo.QueueFeatures @ModelName = N'demo_resnet', @Pooling = N'mean,max';
CREATE OR ALTER PROCEDURE dbo.QueueFeatures
    @ModelName NVARCHAR(128) = NULL,    -- name of a network in dbo.networks, its newest version; NULL means default_network
    @Layer NVARCHAR(256) = NULL,        -- one or more layers, with commas, each its own feature set; NULL means penultimate or nodules
    @Preprocessing NVARCHAR(32) = NULL, -- name in dbo.preprocessings; NULL means lung, of networks of volumes volume
    @Pooling NVARCHAR(128) = NULL,      -- one or more of dbo.poolings, with commas; NULL means mean, of nodules top5
    @Recompute BIT = 0,                 -- 1 makes the features of every scan again
    @Dataset NVARCHAR(128) = NULL,      -- data set whose scans alone are featurized; NULL means all scans
    @DatasetVersion INT = NULL,         -- its version; NULL means the newest
    @Help BIT = 0                       -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.QueueFeatures is the half of GenerateFeatures that needs no Python: it finds the scans that lack features and puts
those that are not there into dbo.work_items. Sessions of GenerateFeatures with the same arguments and workers share
them, each scan once. The queue stays until all is done. A layer is a name that the details of the network give, or a
tensor of dbo.network_layers. It returns a row: work_id, scans that were put there, scans
that are open.
Parameters:
    @ModelName NVARCHAR(128) = NULL     name of a network in dbo.networks, its newest version; NULL means default_network
    @Layer NVARCHAR(256) = NULL         one or more layers, with commas, each its own feature set; NULL means penultimate or nodules
    @Preprocessing NVARCHAR(32) = NULL  name in dbo.preprocessings; NULL means lung, of networks of volumes volume
    @Pooling NVARCHAR(128) = NULL       one or more of dbo.poolings, with commas; NULL means mean, of nodules top5
    @Recompute BIT = 0                  1 makes the features of every scan again
    @Dataset NVARCHAR(128) = NULL       data set whose scans alone are featurized; NULL means all scans
    @DatasetVersion INT = NULL          its version; NULL means the newest
    @Help BIT = 0                       1 prints this help and does nothing else
Example:
    EXECUTE dbo.QueueFeatures @ModelName = N''demo_resnet'', @Pooling = N''mean,max'';';
        RETURN 0;
    END;

    DECLARE @NetworkId INT, @Bytes VARBINARY(MAX), @Packages NVARCHAR(MAX), @DatasetVersionId INT, @Digest VARBINARY(32), @WorkId INT,
        @Arguments NVARCHAR(MAX), @Locked INT, @Before INT, @Apart INT;
    CREATE TABLE #layers (layer INT NOT NULL PRIMARY KEY, name NVARCHAR(256) COLLATE DATABASE_DEFAULT NOT NULL);
    CREATE TABLE #todo (
        scan_id INT NOT NULL PRIMARY KEY, slices INT NOT NULL, bytes BIGINT NOT NULL, is_kept BIT NOT NULL, kept_bytes BIGINT NOT NULL);
    CREATE TABLE #queue (
        item NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL PRIMARY KEY, position INT NOT NULL, grp INT NOT NULL, bytes BIGINT NOT NULL,
        state VARCHAR(10) COLLATE DATABASE_DEFAULT NOT NULL, attempts INT NOT NULL, error_number INT NULL,
        error NVARCHAR(2000) COLLATE DATABASE_DEFAULT NULL);
    SET @Pooling = REPLACE(@Pooling, N' ', N'');
    SET @Layer = (SELECT STRING_AGG(LTRIM(RTRIM(value)), N',') FROM STRING_SPLIT(COALESCE(@Layer, N'penultimate'), N','));
    EXECUTE internal.CheckFeatureArguments @Layer, @Preprocessing, @Pooling, 32, 64, @Recompute, @Packages OUTPUT, 0;
    EXECUTE internal.FindNetwork @Bytes, @ModelName, @NetworkId OUTPUT;
    EXECUTE internal.ChooseKind @NetworkId, @Layer OUTPUT, @Preprocessing OUTPUT, @Pooling OUTPUT;
    EXECUTE internal.FindScansOfDataset @Dataset, @DatasetVersion, @DatasetVersionId OUTPUT;
    SELECT @Preprocessing = name, @Digest = digest FROM dbo.preprocessings WHERE name = @Preprocessing;
    EXECUTE internal.NumberLayers @Layer;
    EXECUTE internal.CheckLayers @NetworkId;
    EXECUTE internal.DescribeFeatures @NetworkId, @Layer, @Preprocessing, @Digest, @Pooling, @Recompute, @Arguments OUTPUT;

    BEGIN TRANSACTION;
    -- As JoinWork does, so that no session that leaves drops it meanwhile.
    SET @Locked = (SELECT COUNT(*) FROM dbo.work WITH (UPDLOCK, HOLDLOCK));
    EXECUTE internal.FindWork N'GenerateFeatures', @Arguments, @WorkId OUTPUT;
    EXECUTE internal.FindScansToDo @NetworkId, @Preprocessing, @Pooling, @Recompute, @DatasetVersionId, @Apart OUTPUT;
    SET @Before = (SELECT COUNT(*) FROM dbo.work_items WHERE work_id = @WorkId);
    EXECUTE internal.QueueScans @WorkId;
    UPDATE dbo.work SET is_queued = 1 WHERE work_id = @WorkId;
    COMMIT TRANSACTION;
    IF @Apart > 0
        RAISERROR(N'%d scans are left out, because their pixels are not in this database (scans.source_uri).', 0, 1, @Apart) WITH NOWAIT;
    SELECT @WorkId AS work_id, COUNT(*) - @Before AS added, COALESCE(SUM(CASE WHEN state = 'open' THEN 1 ELSE 0 END), 0) AS [open]
    FROM dbo.work_items
    WHERE work_id = @WorkId;
END;
