-- GenerateFeatures: runs a network over every scan that has no features yet and stores what its layers give.
-- Example: EXECUTE dbo.GenerateFeatures @ModelName = N'demo_resnet', @Pooling = N'mean,max';
CREATE OR ALTER PROCEDURE dbo.GenerateFeatures
    @Model VARBINARY(MAX) = NULL,         -- bytes of a network in dbo.networks
    @ModelName NVARCHAR(128) = NULL,      -- or its name; the newest version is taken
    @Layer NVARCHAR(256) = NULL,          -- one or more layers, with commas, each for its own feature set; NULL means penultimate
    @Preprocessing NVARCHAR(32) = N'lung', -- lung or seed
    @Pooling NVARCHAR(128) = N'mean',     -- one or more of mean, max, mean_max_std, pca1, with commas
    @BatchSize INT = 32,                  -- triples of slices in one run of the network, 1 to 1024
    @ChunkMegabytes INT = 256,            -- megabytes of stored slices in one transaction, 1 to 1024
    @Recompute BIT = 0,                   -- 1 makes the features of every scan again
    @Help BIT = 0                         -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.GenerateFeatures runs a network over every scan without features and fills dbo.features and dbo.pooled_features.
It works in chunks, each stored in a transaction of its own: stopped at any point, it goes on there when called again.
Parameters:
    @Model VARBINARY(MAX) = NULL           bytes of a network in dbo.networks
    @ModelName NVARCHAR(128) = NULL        or its name; the newest version is taken
    @Layer NVARCHAR(256) = NULL            one or more layers, with commas, each for its own feature set; NULL means penultimate
    @Preprocessing NVARCHAR(32) = N''lung''  lung or seed
    @Pooling NVARCHAR(128) = N''mean''       one or more of mean, max, mean_max_std, pca1, with commas
    @BatchSize INT = 32                    triples of slices in one run of the network, 1 to 1024
    @ChunkMegabytes INT = 256              megabytes of stored slices in one transaction, 1 to 1024
    @Recompute BIT = 0                     1 makes the features of every scan again
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

    DECLARE @Language NVARCHAR(128), @Providers NVARCHAR(400), @Threads INT, @Provider NVARCHAR(128);
    DECLARE @Notice NVARCHAR(2000), @ErrorNumber INT, @ErrorMessage NVARCHAR(2000);
    EXECUTE internal.ReadSettings @Language OUTPUT, @Providers OUTPUT, @Threads OUTPUT;
    DECLARE @Started DATETIME2(3) = SYSUTCDATETIME(), @Total INT, @Done INT = 0, @Slices INT = 0, @Rate INT, @Left INT;

    CREATE TABLE #todo (scan_id INT NOT NULL PRIMARY KEY, slices INT NOT NULL, bytes BIGINT NOT NULL);
    CREATE TABLE #chunk (scan_id INT NOT NULL PRIMARY KEY);
    CREATE TABLE #failed (scan_id INT NOT NULL PRIMARY KEY, error NVARCHAR(2000) NOT NULL, is_new BIT NOT NULL);
    CREATE TABLE #result (
        scan_id INT NOT NULL, layer NVARCHAR(256) COLLATE DATABASE_DEFAULT NULL, error NVARCHAR(2000) NULL, array_rows INT NULL,
        array_cols INT NULL, array VARCHAR(MAX) NULL, sha256 VARCHAR(64) NULL, pooled NVARCHAR(MAX) NULL);

    INSERT INTO #todo (scan_id, slices, bytes)
    SELECT s.scan_id, s.number_images,
        COALESCE((SELECT SUM(CAST(DATALENGTH(i.pixels) AS BIGINT)) FROM dbo.scan_images AS i WHERE i.scan_id = s.scan_id), 0)
    FROM dbo.scans AS s
    WHERE @Recompute = 1
        OR (SELECT COUNT(*) FROM STRING_SPLIT(@Layer, N',')) * (SELECT COUNT(*) FROM STRING_SPLIT(@Pooling, N',')) > (
            SELECT COUNT(*)
            FROM dbo.pooled_features AS p
            INNER JOIN dbo.feature_sets AS f ON f.feature_set_id = p.feature_set_id
            WHERE p.scan_id = s.scan_id AND f.network_id = @NetworkId AND f.preprocessing = @Preprocessing
                AND f.layer IN (SELECT value FROM STRING_SPLIT(@Layer, N','))
                AND p.pooling IN (SELECT value FROM STRING_SPLIT(@Pooling, N',')));
    SET @Total = (SELECT COUNT(*) FROM #todo);
    RAISERROR(N'%s, layer %s, preprocessing %s, pooling %s: %d scans to do.', 0, 1, @Name, @Layer, @Preprocessing, @Pooling, @Total)
        WITH NOWAIT;

    WHILE EXISTS (SELECT 1 FROM #todo)
    BEGIN
        DELETE FROM #chunk;
        DELETE FROM #result;
        INSERT INTO #chunk (scan_id)
        SELECT t.scan_id
        FROM (
            SELECT scan_id, SUM(bytes) OVER (ORDER BY scan_id ROWS UNBOUNDED PRECEDING) AS bytes_so_far,
                ROW_NUMBER() OVER (ORDER BY scan_id) AS position
            FROM #todo) AS t
        WHERE t.position = 1 OR t.bytes_so_far <= CAST(@ChunkMegabytes AS BIGINT) * 1000000;

        INSERT INTO #result (scan_id, layer, error, array_rows, array_cols, array, sha256, pooled)
        EXECUTE sp_execute_external_script
            @language = @Language,
            @script = N'
def main(slices, network, sha256, details, layers, preprocessing, pooling, batch_size, providers, threads):
    from lungdb.procedures import generate_features
    return generate_features(
        slices, network, sha256, details, layers, preprocessing, pooling, batch_size, providers, threads)

OutputDataSet, Provider, Notice, ErrorNumber, ErrorMessage = main(
    InputDataSet, Network, Sha256, Details, Layer, Preprocessing, Pooling, BatchSize, Providers, Threads)
',
            @input_data_1 = N'
SELECT i.scan_id, i.slice_index, s.number_images, s.image_rows, s.image_cols, i.rescale_slope, i.rescale_intercept,
    CONVERT(VARCHAR(MAX), i.pixels, 2) AS pixels, CONVERT(VARCHAR(64), i.pixels_sha256, 2) AS pixels_sha256
FROM #chunk AS c
INNER JOIN dbo.scans AS s ON s.scan_id = c.scan_id
INNER JOIN dbo.scan_images AS i ON i.scan_id = s.scan_id
ORDER BY i.scan_id, i.slice_index;',
            @params = N'@Network VARBINARY(MAX), @Sha256 VARCHAR(64), @Details NVARCHAR(MAX), @Layer NVARCHAR(256),
                @Preprocessing NVARCHAR(32), @Pooling NVARCHAR(128), @BatchSize INT, @Providers NVARCHAR(400), @Threads INT,
                @Provider NVARCHAR(128) OUTPUT, @Notice NVARCHAR(2000) OUTPUT,
                @ErrorNumber INT OUTPUT, @ErrorMessage NVARCHAR(2000) OUTPUT',
            @Network = @Model, @Sha256 = @Sha256, @Details = @Details, @Layer = @Layer, @Preprocessing = @Preprocessing,
            @Pooling = @Pooling, @BatchSize = @BatchSize, @Providers = @Providers, @Threads = @Threads, @Provider = @Provider OUTPUT,
            @Notice = @Notice OUTPUT, @ErrorNumber = @ErrorNumber OUTPUT, @ErrorMessage = @ErrorMessage OUTPUT;
        -- Not every runtime tells an empty text from NULL.
        UPDATE #result SET error = N'' WHERE error IS NULL;
        IF @ErrorNumber <> 0
        BEGIN
            SET @Message = REPLACE(@ErrorMessage, N'%', N'%%');
            THROW @ErrorNumber, @Message, 1;
        END;
        IF @Notice <> N'' AND @Done = 0
            RAISERROR(N'%s', 0, 1, @Notice) WITH NOWAIT;

        BEGIN TRANSACTION;
        EXECUTE internal.StoreFeatures @NetworkId, @Preprocessing, @Pooling, @Recompute;
        COMMIT TRANSACTION;

        INSERT INTO #failed (scan_id, error, is_new)
        SELECT c.scan_id, COALESCE(r.error, N'No slices are stored. Load the scan again.'), 1
        FROM #chunk AS c
        LEFT JOIN #result AS r ON r.scan_id = c.scan_id
        WHERE r.scan_id IS NULL OR r.error <> N'';
        EXECUTE internal.ReportFailedScans;

        SELECT @Done = @Done + COUNT(*), @Slices = @Slices + SUM(t.slices)
        FROM #todo AS t
        INNER JOIN #chunk AS c ON c.scan_id = t.scan_id;
        DELETE t FROM #todo AS t INNER JOIN #chunk AS c ON c.scan_id = t.scan_id;
        SET @Rate = 1000.0 * @Slices / (DATEDIFF(MILLISECOND, @Started, SYSUTCDATETIME()) + 1);
        SET @Left = (SELECT COALESCE(SUM(slices), 0) FROM #todo) / (@Rate + 1);
        RAISERROR(N'%d of %d scans done on %s, %d slices per second, about %d seconds left.', 0, 1, @Done, @Total, @Provider, @Rate, @Left)
            WITH NOWAIT;
    END;

    IF EXISTS (SELECT 1 FROM #failed)
    BEGIN
        SET @Message = CONCAT((SELECT COUNT(*) FROM #failed), N' of ', @Total, N' scans failed and have no features; ',
            N'the messages above name them. The others are stored. Mend or reload those scans and call GenerateFeatures again.');
        THROW 50120, @Message, 1;
    END;
END;
