-- GenerateFeatures: runs a network over every scan that has no features yet and stores what its layers give.
-- Example: EXECUTE dbo.GenerateFeatures @ModelName = N'demo_resnet', @Pooling = N'mean,max';
CREATE OR ALTER PROCEDURE dbo.GenerateFeatures
    @Model VARBINARY(MAX) = NULL,         -- bytes of a network in dbo.networks
    @ModelName NVARCHAR(128) = NULL,      -- or its name, its newest version; NULL means default_network
    @Layer NVARCHAR(256) = NULL,          -- one or more layers, with commas, each for its own feature set; NULL means penultimate
    @Preprocessing NVARCHAR(32) = N'lung', -- lung or seed
    @Pooling NVARCHAR(128) = N'mean',     -- one or more of mean, max, mean_max_std, pca1, thirds, with commas
    @BatchSize INT = 32,                  -- triples of slices in one run of the network, 1 to 1024
    @ChunkMegabytes INT = 64,             -- megabytes of stored slices in one transaction, 1 to 512
    @Recompute BIT = 0,                   -- 1 makes the features of every scan again
    @Dataset NVARCHAR(128) = NULL,        -- data set whose scans alone are featurized; NULL means all scans
    @DatasetVersion INT = NULL,           -- its version; NULL means the newest
    @Help BIT = 0                         -- 1 prints this help and does nothing else
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
    @Model VARBINARY(MAX) = NULL           bytes of a network in dbo.networks
    @ModelName NVARCHAR(128) = NULL        or its name, its newest version; NULL means default_network
    @Layer NVARCHAR(256) = NULL            one or more layers, with commas, each for its own feature set; NULL means penultimate
    @Preprocessing NVARCHAR(32) = N''lung''  lung or seed
    @Pooling NVARCHAR(128) = N''mean''       one or more of mean, max, mean_max_std, pca1, thirds, with commas
    @BatchSize INT = 32                    triples of slices in one run of the network, 1 to 1024
    @ChunkMegabytes INT = 64               megabytes of stored slices in one transaction, 1 to 512
    @Recompute BIT = 0                     1 makes the features of every scan again
    @Dataset NVARCHAR(128) = NULL          data set whose scans alone are featurized; NULL means all scans
    @DatasetVersion INT = NULL             its version; NULL means the newest
    @Help BIT = 0                          1 prints this help and does nothing else
Examples:
    EXECUTE dbo.GenerateFeatures @ModelName = N''demo_resnet'', @Layer = N''layer3,penultimate'', @Pooling = N''mean,max'';
    DECLARE @Model VARBINARY(MAX) = (SELECT TOP (1) model FROM dbo.model WHERE name = N''ResNet_152.model'' ORDER BY date DESC);
    EXECUTE dbo.GenerateFeatures @Model = @Model;';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000), @NetworkId INT, @Name NVARCHAR(128), @Sha256 VARCHAR(64), @Details NVARCHAR(MAX);
    SET @Pooling = REPLACE(@Pooling, N' ', N'');
    SET @Layer = (SELECT STRING_AGG(LTRIM(RTRIM(value)), N',') FROM STRING_SPLIT(COALESCE(@Layer, N'penultimate'), N','));

    EXECUTE internal.CheckFeatureArguments @Layer, @Preprocessing, @Pooling, @BatchSize, @ChunkMegabytes, @Recompute;
    EXECUTE internal.FindNetwork @Model, @ModelName, @NetworkId OUTPUT;
    SELECT @Name = name, @Model = model, @Sha256 = CONVERT(VARCHAR(64), sha256, 2), @Details = details
    FROM dbo.networks
    WHERE network_id = @NetworkId;

    DECLARE @Language NVARCHAR(128), @Providers NVARCHAR(400), @Threads INT, @Provider NVARCHAR(128), @DatasetVersionId INT;
    DECLARE @Notice NVARCHAR(2000), @ErrorNumber INT, @ErrorMessage NVARCHAR(2000), @Came DATETIME2(3);
    EXECUTE internal.FindScansOfDataset @Dataset, @DatasetVersion, @DatasetVersionId OUTPUT;
    EXECUTE internal.ReadSettings @Language OUTPUT, @Providers OUTPUT, @Threads OUTPUT;
    DECLARE @Started DATETIME2(3) = SYSUTCDATETIME(), @Total INT, @Done INT = 0, @Slices INT = 0, @Rate INT, @Left INT, @RunId INT,
        @Failed INT, @Rows INT, @Cols INT, @Bound BIGINT, @KeepBytes BIGINT, @Costs NVARCHAR(400), @Called DATETIME2(3);

    CREATE TABLE #layers (layer INT NOT NULL PRIMARY KEY, name NVARCHAR(256) COLLATE DATABASE_DEFAULT NOT NULL);
    CREATE TABLE #todo (
        scan_id INT NOT NULL PRIMARY KEY, slices INT NOT NULL, bytes BIGINT NOT NULL, is_kept BIT NOT NULL, kept_bytes BIGINT NOT NULL);
    CREATE TABLE #chunk (
        scan_id INT NOT NULL PRIMARY KEY, slices INT NOT NULL, is_kept BIT NOT NULL, content_sha256 VARBINARY(32) NOT NULL);
    CREATE TABLE #failed (scan_id INT NOT NULL PRIMARY KEY, error NVARCHAR(2000) NOT NULL, is_new BIT NOT NULL, is_gone BIT NOT NULL);
    CREATE TABLE #result (
        scan_id INT NULL, layer INT NULL, error NVARCHAR(2000) NULL, array_rows INT NULL,
        array_cols INT NULL, array VARCHAR(MAX) NULL, sha256 VARCHAR(64) NULL, pooled NVARCHAR(MAX) NULL);

    EXECUTE internal.FindScansToDo @NetworkId, @Layer, @Preprocessing, @Pooling, @Recompute, @DatasetVersionId;
    EXECUTE internal.PlanPictures @Preprocessing, @Details, @Rows OUTPUT, @Cols OUTPUT, @Bound OUTPUT;
    SET @Total = (SELECT COUNT(*) FROM #todo);
    SET @Message = CONCAT(@Name, N', layer ', @Layer, N', preprocessing ', @Preprocessing, N', pooling ', @Pooling, N': ', @Total,
        N' scans to do.');
    EXECUTE internal.StartRun N'GenerateFeatures', @RunId OUTPUT;
    EXECUTE internal.ReportStep @RunId, @Message, 0, @Total;

    WHILE EXISTS (SELECT 1 FROM #todo)
    BEGIN
        DELETE FROM #result;
        EXECUTE internal.TakeScans @ChunkMegabytes, @Bound, @KeepBytes OUTPUT, @Called OUTPUT;
        INSERT INTO #result (scan_id, layer, error, array_rows, array_cols, array, sha256, pooled)
        EXECUTE sp_execute_external_script
            @language = @Language,
            @script = N'
def main(slices, network, sha256, details, layers, preprocessing, pooling, batch_size, providers, threads, keep_bytes):
    from lungdb.procedures import keep_and_generate_features
    return keep_and_generate_features(
        slices, network, sha256, details, layers, preprocessing, pooling, batch_size, providers, threads, keep_bytes)

OutputDataSet, Provider, Notice, ErrorNumber, ErrorMessage, Costs = main(
    InputDataSet, Network, Sha256, Details, Layer, Preprocessing, Pooling, BatchSize, Providers, Threads, KeepBytes)
',
            @input_data_1 = N'
SELECT i.scan_id, i.slice_index, s.number_images, CONVERT(VARCHAR(64), s.content_sha256, 2) AS content_sha256, s.image_rows,
    s.image_cols, i.rescale_slope, i.rescale_intercept, CONVERT(VARCHAR(MAX), COALESCE(k.picture, i.pixels), 2) AS pixels,
    CONVERT(VARCHAR(64), i.pixels_sha256, 2) AS pixels_sha256, COALESCE(i.encoding, N'''') AS encoding,
    CONVERT(VARCHAR(64), k.sha256, 2) AS kept_sha256, CONVERT(VARCHAR(64), k.digest, 2) AS kept_digest
FROM #chunk AS c
INNER JOIN dbo.scans AS s ON s.scan_id = c.scan_id
INNER JOIN dbo.scan_images AS i ON i.scan_id = s.scan_id AND c.slices > 0
LEFT JOIN dbo.prepared_slices AS k ON c.is_kept = 1 AND k.scan_id = i.scan_id AND k.slice_index = i.slice_index
    AND k.preprocessing = @Preprocessing AND k.picture_rows = @Rows AND k.picture_cols = @Cols
ORDER BY i.scan_id, i.slice_index;',
            @params = N'@Network VARBINARY(MAX), @Sha256 VARCHAR(64), @Details NVARCHAR(MAX), @Layer NVARCHAR(256),
                @Preprocessing NVARCHAR(32), @Pooling NVARCHAR(128), @BatchSize INT, @Providers NVARCHAR(400), @Threads INT,
                @KeepBytes BIGINT, @Rows INT, @Cols INT, @Costs NVARCHAR(400) OUTPUT, @Provider NVARCHAR(128) OUTPUT,
                @Notice NVARCHAR(2000) OUTPUT, @ErrorNumber INT OUTPUT, @ErrorMessage NVARCHAR(2000) OUTPUT',
            @Network = @Model, @Sha256 = @Sha256, @Details = @Details, @Layer = @Layer, @Preprocessing = @Preprocessing,
            @Pooling = @Pooling, @BatchSize = @BatchSize, @Providers = @Providers, @Threads = @Threads, @KeepBytes = @KeepBytes,
            @Rows = @Rows, @Cols = @Cols, @Costs = @Costs OUTPUT, @Provider = @Provider OUTPUT,
            @Notice = @Notice OUTPUT, @ErrorNumber = @ErrorNumber OUTPUT, @ErrorMessage = @ErrorMessage OUTPUT;
        IF @ErrorNumber <> 0
            EXECUTE internal.EndRun @RunId, 0, @ErrorMessage;
        IF @ErrorNumber <> 0
        BEGIN
            SET @Message = REPLACE(@ErrorMessage, N'%', N'%%');
            THROW @ErrorNumber, @Message, 1;
        END;
        IF @Notice <> N'' AND @Done = 0
            EXECUTE internal.ReportStep @RunId, @Notice;

        EXECUTE internal.StoreFeatures @RunId, @NetworkId, @Preprocessing, @Pooling, @Recompute, @Came OUTPUT;
        EXECUTE internal.ReportFailedScans @RunId;
        IF @Bound > 0
            EXECUTE internal.KeepPictures @RunId, @NetworkId, @Preprocessing, @Rows, @Cols, @Costs, @Called, @Came, @Started, @Bound OUTPUT;

        SELECT @Done = @Done + COUNT(*), @Slices = @Slices + COALESCE(SUM(t.slices), 0)
        FROM #todo AS t
        INNER JOIN #chunk AS c ON c.scan_id = t.scan_id;
        DELETE t FROM #todo AS t INNER JOIN #chunk AS c ON c.scan_id = t.scan_id;
        SET @Rate = 1000.0 * @Slices / (DATEDIFF_BIG(MILLISECOND, @Started, SYSUTCDATETIME()) + 1);
        SET @Left = (SELECT COALESCE(SUM(slices), 0) FROM #todo) / (@Rate + 1);
        SET @Message = CONCAT(@Done, N' of ', @Total, N' scans done on ', @Provider, N', ', @Rate, N' slices per second, about ', @Left,
            N' seconds left.');
        EXECUTE internal.ReportStep @RunId, @Message, @Done, @Total;
    END;

    SELECT @Failed = COUNT(*), @Message = NULL FROM #failed;
    IF @Failed > 0
        SET @Message = REPLACE(LEFT(CONCAT(@Failed, N' of ', @Total, N' scans failed and have no features: ', (
                SELECT STRING_AGG(CONCAT(N'scan ', f.scan_id, N': ', LEFT(f.error, 240)), N' ') WITHIN GROUP (ORDER BY f.scan_id)
                FROM (SELECT TOP (5) scan_id, error FROM #failed ORDER BY scan_id) AS f),
            IIF(@Failed > 5, N' …', N''), N' dbo.scan_failures has all of them. ',
            N'The others are stored. Mend or reload those scans and call GenerateFeatures again.'), 1900), N'%', N'%%');
    EXECUTE internal.EndRun @RunId, @Failed, @Message;
    IF @Failed > 0
        THROW 50120, @Message, 1;
END;
