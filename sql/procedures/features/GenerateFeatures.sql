-- GenerateFeatures: runs a network over every scan that has no features yet and stores what its layers give.
-- Example: EXECUTE dbo.GenerateFeatures @ModelName = N'demo_resnet', @Pooling = N'mean,max';
CREATE OR ALTER PROCEDURE dbo.GenerateFeatures
    @Model VARBINARY(MAX) = NULL,       -- bytes of a network in dbo.networks
    @ModelName NVARCHAR(128) = NULL,    -- or its name, its newest version; NULL means default_network
    @Layer NVARCHAR(256) = NULL,        -- one or more layers, with commas, each its own feature set; NULL means penultimate or nodules
    @Preprocessing NVARCHAR(32) = NULL, -- name in dbo.preprocessings; NULL means lung, of networks of volumes volume
    @Pooling NVARCHAR(128) = NULL,      -- one or more of dbo.poolings, such as mean, max; NULL means mean, of nodules top5
    @BatchSize INT = 32,                -- triples of slices, or tiles, in one run of the network, 1 to 1024
    @ChunkMegabytes INT = 64,           -- megabytes of stored slices in one transaction, 1 to 512
    @Recompute BIT = 0,                 -- 1 makes the features of every scan again
    @Dataset NVARCHAR(128) = NULL,      -- data set whose scans alone are featurized; NULL means all scans
    @DatasetVersion INT = NULL,         -- its version; NULL means the newest
    @KeepMaps BIT = 0,                  -- 1 keeps the maps that the layers are the average of too, in dbo.slice_maps
    @Help BIT = 0                       -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.GenerateFeatures runs a network over every scan without features and fills dbo.features and dbo.pooled_features.
It works in chunks, each stored in a transaction of its own: stopped at any point, it goes on there when called again. What it says on
its way is also in dbo.runs and dbo.run_steps, for other connections. A scan replaced or removed meanwhile is left out and named.
Parameters:
    @Model VARBINARY(MAX) = NULL        bytes of a network in dbo.networks
    @ModelName NVARCHAR(128) = NULL     or its name, its newest version; NULL means default_network
    @Layer NVARCHAR(256) = NULL         one or more layers, with commas, each its own feature set; NULL means penultimate or nodules
    @Preprocessing NVARCHAR(32) = NULL  name in dbo.preprocessings; NULL means lung, of networks of volumes volume
    @Pooling NVARCHAR(128) = NULL       one or more of dbo.poolings, such as mean, max; NULL means mean, of nodules top5
    @BatchSize INT = 32                 triples of slices, or tiles, in one run of the network, 1 to 1024
    @ChunkMegabytes INT = 64            megabytes of stored slices in one transaction, 1 to 512
    @Recompute BIT = 0                  1 makes the features of every scan again
    @Dataset NVARCHAR(128) = NULL       data set whose scans alone are featurized; NULL means all scans
    @DatasetVersion INT = NULL          its version; NULL means the newest
    @KeepMaps BIT = 0                   1 keeps the maps that the layers are the average of too, in dbo.slice_maps
    @Help BIT = 0                       1 prints this help and does nothing else
Examples:
    EXECUTE dbo.GenerateFeatures @ModelName = N''demo_resnet'', @Layer = N''layer3,penultimate'', @Pooling = N''mean,max'';
    DECLARE @Model VARBINARY(MAX) = (SELECT TOP (1) model FROM dbo.model WHERE name = N''ResNet_152.model'' ORDER BY date DESC);
    EXECUTE dbo.GenerateFeatures @Model = @Model;';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000), @NetworkId INT, @Name NVARCHAR(128), @Sha256 VARCHAR(64), @Details NVARCHAR(MAX), @ErrorNumber INT,
        @Steps NVARCHAR(MAX), @Digest VARBINARY(32), @ErrorMessage NVARCHAR(2000), @DatasetVersionId INT, @Packages NVARCHAR(MAX);
    SET @Pooling = REPLACE(@Pooling, N' ', N'');
    SET @Layer = (SELECT STRING_AGG(LTRIM(RTRIM(value)), N',') FROM STRING_SPLIT(COALESCE(@Layer, N'penultimate'), N','));
    EXECUTE internal.CheckFeatureArguments @Layer, @Preprocessing, @Pooling, @BatchSize, @ChunkMegabytes, @Recompute, @Packages OUTPUT,
        @KeepMaps;
    EXECUTE internal.FindNetwork @Model, @ModelName, @NetworkId OUTPUT;
    EXECUTE internal.ChooseKind @NetworkId, @Layer OUTPUT, @Preprocessing OUTPUT, @Pooling OUTPUT;
    SELECT @Name = n.name, @Model = n.model, @Sha256 = CONVERT(VARCHAR(64), n.sha256, 2), @Details = n.details,
        @Preprocessing = p.name, @Steps = p.steps, @Digest = p.digest
    FROM dbo.networks AS n
    INNER JOIN dbo.preprocessings AS p ON p.name = @Preprocessing
    WHERE n.network_id = @NetworkId;

    DECLARE @Language NVARCHAR(128), @Providers NVARCHAR(400), @Threads INT, @Provider NVARCHAR(128), @Notice NVARCHAR(2000);
    EXECUTE internal.ReadSettings @Language OUTPUT, @Providers OUTPUT, @Threads OUTPUT;
    DECLARE @Started DATETIME2(3) = SYSUTCDATETIME(), @Total INT, @Done INT = 0, @Slices INT = 0, @Unkept INT = 0, @RunId INT,
        @Rows INT, @Cols INT, @Bound BIGINT, @KeepBytes BIGINT, @Costs NVARCHAR(400), @Called DATETIME2(3), @Came DATETIME2(3),
        @WorkId INT, @Worker NVARCHAR(128), @IsSaid BIT = 0, @CpuSeconds FLOAT, @PeakMegabytes FLOAT;
    EXECUTE internal.FindScansOfDataset @Dataset, @DatasetVersion, @DatasetVersionId OUTPUT;
    CREATE TABLE #layers (layer INT NOT NULL PRIMARY KEY, name NVARCHAR(256) COLLATE DATABASE_DEFAULT NOT NULL);
    CREATE TABLE #map_shapes (name NVARCHAR(256) COLLATE DATABASE_DEFAULT NOT NULL, bytes BIGINT NOT NULL);
    CREATE TABLE #todo (
        scan_id INT NOT NULL PRIMARY KEY, slices INT NOT NULL, bytes BIGINT NOT NULL, is_kept BIT NOT NULL, kept_bytes BIGINT NOT NULL);
    CREATE TABLE #chunk (
        scan_id INT NOT NULL PRIMARY KEY, slices INT NOT NULL, is_kept BIT NOT NULL, content_sha256 VARBINARY(32) NOT NULL);
    CREATE TABLE #failed (scan_id INT NOT NULL PRIMARY KEY, error NVARCHAR(2000) COLLATE DATABASE_DEFAULT NOT NULL,
        is_new BIT NOT NULL, is_gone BIT NOT NULL);
    CREATE TABLE #result (
        scan_id INT NULL, layer INT NULL, error NVARCHAR(2000) COLLATE DATABASE_DEFAULT NULL, array_rows INT NULL, array_cols INT NULL,
        array VARCHAR(MAX) COLLATE DATABASE_DEFAULT NULL, sha256 VARCHAR(64) COLLATE DATABASE_DEFAULT NULL,
        pooled NVARCHAR(MAX) COLLATE DATABASE_DEFAULT NULL, nodules NVARCHAR(MAX) COLLATE DATABASE_DEFAULT NULL);

    CREATE TABLE #queue (
        item NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL PRIMARY KEY, position INT NOT NULL, grp INT NOT NULL, bytes BIGINT NOT NULL,
        state VARCHAR(10) COLLATE DATABASE_DEFAULT NOT NULL, attempts INT NOT NULL, error_number INT NULL,
        error NVARCHAR(2000) COLLATE DATABASE_DEFAULT NULL);

    EXECUTE internal.StartFeatures @NetworkId, @Layer, @Preprocessing, @Digest, @Pooling, @Recompute, @DatasetVersionId, @KeepMaps,
        @WorkId OUTPUT, @Worker OUTPUT, @RunId OUTPUT, @Total OUTPUT, @Rows OUTPUT, @Cols OUTPUT, @Bound OUTPUT;
    WHILE EXISTS (SELECT 1 FROM #todo)
    BEGIN
        DELETE FROM #result;
        EXECUTE internal.TakeScans @RunId, @WorkId, @Worker, @ChunkMegabytes, @Bound, @Total, @Done OUTPUT, @Slices OUTPUT,
            @KeepBytes OUTPUT, @Called OUTPUT;
        IF NOT EXISTS (SELECT 1 FROM #chunk)
            CONTINUE;
        INSERT INTO #result (scan_id, layer, error, array_rows, array_cols, array, sha256, pooled, nodules)
        EXECUTE sp_execute_external_script
            @language = @Language,
            @script = N'
def main(*arguments):
    from lungdb.procedures import features_and_nodules, measured
    return measured(features_and_nodules, *arguments)

OutputDataSet, Provider, Notice, ErrorNumber, ErrorMessage, Costs, CpuSeconds, PeakMegabytes = main(InputDataSet,
    Network, Sha256, Details, Layer, Preprocessing, Pooling, BatchSize, Providers, Threads, KeepBytes, Steps, Packages)
',
            @input_data_1 = N'
SELECT i.scan_id, i.slice_index, s.number_images, CONVERT(VARCHAR(64), s.content_sha256, 2) AS content_sha256, s.image_rows,
    s.image_cols, i.rescale_slope, i.rescale_intercept, CONVERT(VARCHAR(MAX), COALESCE(k.picture, i.pixels), 2) AS pixels,
    CONVERT(VARCHAR(64), i.pixels_sha256, 2) AS pixels_sha256, COALESCE(i.encoding, N'''') AS encoding,
    CONVERT(VARCHAR(64), k.sha256, 2) AS kept_sha256, CONVERT(VARCHAR(64), k.digest, 2) AS kept_digest, s.spacing_y, s.spacing_x,
    s.spacing_z, s.origin_x, s.origin_y, s.origin_z, s.row_x, s.row_y, s.row_z, s.column_x, s.column_y, s.column_z,
    s.step_x, s.step_y, s.step_z
FROM #chunk AS c
INNER JOIN dbo.scans AS s ON s.scan_id = c.scan_id
INNER JOIN dbo.scan_images AS i ON i.scan_id = s.scan_id AND c.slices > 0
LEFT JOIN dbo.prepared_slices AS k ON c.is_kept = 1 AND k.scan_id = i.scan_id AND k.slice_index = i.slice_index
    AND k.preprocessing = @Preprocessing AND k.picture_rows = @Rows AND k.picture_cols = @Cols
ORDER BY i.scan_id, i.slice_index;',
            @params = N'@Network VARBINARY(MAX), @Sha256 VARCHAR(64), @Details NVARCHAR(MAX), @Layer NVARCHAR(256),
                @Preprocessing NVARCHAR(32), @Pooling NVARCHAR(128), @BatchSize INT, @Providers NVARCHAR(400), @Threads INT,
                @Packages NVARCHAR(MAX), @KeepBytes BIGINT, @Rows INT, @Cols INT, @Costs NVARCHAR(400) OUTPUT, @Provider NVARCHAR(128)
                OUTPUT, @Notice NVARCHAR(2000) OUTPUT, @ErrorNumber INT OUTPUT, @ErrorMessage NVARCHAR(2000) OUTPUT, @Steps NVARCHAR(MAX),
                @CpuSeconds FLOAT OUTPUT, @PeakMegabytes FLOAT OUTPUT',
            @Network = @Model, @Sha256 = @Sha256, @Details = @Details, @Layer = @Layer, @Preprocessing = @Preprocessing,
            @Pooling = @Pooling, @BatchSize = @BatchSize, @Providers = @Providers, @Threads = @Threads, @KeepBytes = @KeepBytes,
            @Packages = @Packages, @Rows = @Rows, @Cols = @Cols, @Costs = @Costs OUTPUT, @Provider = @Provider OUTPUT,
            @Notice = @Notice OUTPUT, @ErrorNumber = @ErrorNumber OUTPUT, @ErrorMessage = @ErrorMessage OUTPUT, @Steps = @Steps,
            @CpuSeconds = @CpuSeconds OUTPUT, @PeakMegabytes = @PeakMegabytes OUTPUT;
        IF @ErrorNumber <> 0
            EXECUTE internal.EndRun @RunId, 0, @ErrorMessage;
        IF @ErrorNumber <> 0
        BEGIN
            SET @Message = REPLACE(@ErrorMessage, N'%', N'%%');
            THROW @ErrorNumber, @Message, 1;
        END;
        IF @Notice <> N'' AND @IsSaid = 0
            EXECUTE internal.ReportStep @RunId, @Notice;
        SET @IsSaid = 1;
        EXECUTE internal.StoreFeatures @RunId, @WorkId, @Worker, @NetworkId, @Preprocessing, @Digest, @Pooling, @Recompute, @Came OUTPUT;
        EXECUTE internal.ReportFailedScans @RunId;
        IF @Bound > 0
            EXECUTE internal.KeepPictures @RunId, @NetworkId, @Preprocessing, @Rows, @Cols, @Costs, @Called, @Came, @Started, @Bound OUTPUT;
        EXECUTE internal.ReportScans @RunId, @Provider, @Started, @Total, @CpuSeconds, @PeakMegabytes, @Done OUTPUT, @Slices OUTPUT;
    END;
    IF @KeepMaps = 1
        EXECUTE internal.KeepMaps @RunId, @NetworkId, @Preprocessing, @DatasetVersionId, @BatchSize, @ChunkMegabytes, @Unkept OUTPUT;
    EXECUTE internal.EndFeatures @RunId, @Total, @Unkept;
END;
