-- KeepMaps: runs the network as far as the maps of #map_shapes over every scan that has features of them and lacks maps, and stores these,
-- a transaction for some scans. What cannot be kept is said, and counted.
-- Called by GenerateFeatures, whose table #map_shapes it reads.
CREATE OR ALTER PROCEDURE internal.KeepMaps
    @RunId INT,                   -- row of dbo.runs
    @NetworkId INT,               -- the network
    @Preprocessing NVARCHAR(32),  -- one of dbo.preprocessings
    @DatasetVersionId INT,        -- version of a data set to stay within, or NULL for all scans
    @BatchSize INT,               -- triples of slices in one run of the network
    @ChunkMegabytes INT,          -- megabytes of stored slices and maps together at once
    @Unkept INT OUTPUT            -- scans and layers without maps at the end
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Network VARBINARY(MAX), @Sha256 VARCHAR(64), @Details NVARCHAR(MAX), @Steps NVARCHAR(MAX),
        @Language NVARCHAR(128), @Providers NVARCHAR(400), @Threads INT, @ErrorNumber INT, @ErrorMessage NVARCHAR(2000),
        @Layer NVARCHAR(256), @FeatureSetId INT, @Total INT, @Done INT = 0, @ScanId INT;
    CREATE TABLE #unmapped (
        feature_set_id INT NOT NULL, scan_id INT NOT NULL, layer NVARCHAR(256) COLLATE DATABASE_DEFAULT NOT NULL, bytes BIGINT NOT NULL,
        map_bytes BIGINT NOT NULL, PRIMARY KEY (feature_set_id, scan_id));
    CREATE TABLE #mapped (scan_id INT NOT NULL PRIMARY KEY, content_sha256 VARBINARY(32) NOT NULL, features_sha256 VARBINARY(32) NOT NULL,
        array_rows INT NOT NULL, error NVARCHAR(2000) COLLATE DATABASE_DEFAULT NULL);
    CREATE TABLE #maps (
        scan_id INT NULL, triple INT NULL, error NVARCHAR(2000) COLLATE DATABASE_DEFAULT NULL, channels INT NULL, map_rows INT NULL,
        map_cols INT NULL, scale FLOAT NULL, largest_error FLOAT NULL, largest_relative_error FLOAT NULL,
        map VARCHAR(MAX) COLLATE DATABASE_DEFAULT NULL, sha256 VARCHAR(64) COLLATE DATABASE_DEFAULT NULL);
    EXECUTE internal.ReadSettings @Language OUTPUT, @Providers OUTPUT, @Threads OUTPUT;
    SELECT @Network = n.model, @Sha256 = CONVERT(VARCHAR(64), n.sha256, 2), @Details = n.details, @Steps = p.steps
    FROM dbo.networks AS n
    INNER JOIN dbo.preprocessings AS p ON p.name = @Preprocessing
    WHERE n.network_id = @NetworkId;
    INSERT INTO #unmapped (feature_set_id, scan_id, layer, bytes, map_bytes)
    SELECT f.feature_set_id, a.scan_id, f.layer, CAST(a.array_rows AS BIGINT) * h.bytes + COALESCE((
        SELECT SUM(CAST(DATALENGTH(i.pixels) AS BIGINT)) FROM dbo.scan_images AS i WHERE i.scan_id = a.scan_id), 0),
        CAST(a.array_rows AS BIGINT) * h.bytes
    FROM #map_shapes AS h
    INNER JOIN dbo.feature_sets AS f ON f.network_id = @NetworkId AND f.layer = h.name AND f.preprocessing = @Preprocessing
    INNER JOIN dbo.features AS a ON a.feature_set_id = f.feature_set_id AND a.array_rows > 0
    INNER JOIN dbo.scans AS s ON s.scan_id = a.scan_id AND s.source_uri IS NULL
    WHERE (@DatasetVersionId IS NULL OR a.scan_id IN (
            SELECT m.scan_id FROM dbo.dataset_members AS m WHERE m.dataset_version_id = @DatasetVersionId))
        AND a.array_rows > (
            SELECT COUNT(*)
            FROM dbo.slice_maps AS k
            WHERE k.scan_id = a.scan_id AND k.feature_set_id = a.feature_set_id AND k.features_sha256 = a.sha256)
    OPTION (RECOMPILE);
    SELECT @Total = COUNT(*), @Unkept = 0 FROM #unmapped;
    -- As hexadecimal text twice as many, and above 1 GB in a column a script's result does not come back unharmed.
    WHILE EXISTS (SELECT 1 FROM #unmapped WHERE map_bytes > 500000000)
    BEGIN
        SELECT TOP (1) @ScanId = scan_id, @FeatureSetId = feature_set_id,
            @Message = CONCAT(N'Scan ', scan_id, N', layer ', layer, N': no maps are kept. They would be ', map_bytes / 1000000,
                N' MB, and 500 can be made of a scan. Choose a layer with smaller maps.')
        FROM #unmapped
        WHERE map_bytes > 500000000
        ORDER BY feature_set_id, scan_id;
        EXECUTE internal.ReportStep @RunId, @Message;
        DELETE FROM #unmapped WHERE scan_id = @ScanId AND feature_set_id = @FeatureSetId;
        SELECT @Unkept = @Unkept + 1, @Done = @Done + 1;
    END;

    WHILE EXISTS (SELECT 1 FROM #unmapped)
    BEGIN
        SET @FeatureSetId = (SELECT MIN(feature_set_id) FROM #unmapped);
        SET @Layer = (SELECT MIN(layer) FROM #unmapped WHERE feature_set_id = @FeatureSetId);
        DELETE FROM #mapped;
        DELETE FROM #maps;
        INSERT INTO #mapped (scan_id, content_sha256, features_sha256, array_rows)
        SELECT u.scan_id, COALESCE(s.content_sha256, 0x), COALESCE(f.sha256, 0x), COALESCE(f.array_rows, 0)
        FROM (
            SELECT scan_id, SUM(bytes) OVER (ORDER BY scan_id ROWS UNBOUNDED PRECEDING) AS so_far,
                ROW_NUMBER() OVER (ORDER BY scan_id) AS place
            FROM #unmapped
            WHERE feature_set_id = @FeatureSetId) AS u
        LEFT JOIN dbo.scans AS s ON s.scan_id = u.scan_id
        LEFT JOIN dbo.features AS f ON f.scan_id = u.scan_id AND f.feature_set_id = @FeatureSetId
        WHERE u.place = 1 OR u.so_far <= CAST(@ChunkMegabytes AS BIGINT) * 1000000;
        INSERT INTO #maps (scan_id, triple, error, channels, map_rows, map_cols, scale, largest_error, largest_relative_error, map, sha256)
        EXECUTE sp_execute_external_script
            @language = @Language,
            @script = N'
def main(slices, network, sha256, details, layer, preprocessing, steps, batch_size, providers, threads):
    from lungdb.procedures import layer_maps
    return layer_maps(slices, network, sha256, details, layer, preprocessing, steps, batch_size, providers, threads)

OutputDataSet, ErrorNumber, ErrorMessage = main(
    InputDataSet, Network, Sha256, Details, Layer, Preprocessing, Steps, BatchSize, Providers, Threads)
',
            @input_data_1 = N'
SELECT i.scan_id, i.slice_index, s.number_images, CONVERT(VARCHAR(64), s.content_sha256, 2) AS content_sha256, s.image_rows,
    s.image_cols, i.rescale_slope, i.rescale_intercept, CONVERT(VARCHAR(MAX), i.pixels, 2) AS pixels,
    CONVERT(VARCHAR(64), i.pixels_sha256, 2) AS pixels_sha256, COALESCE(i.encoding, N'''') AS encoding, s.spacing_y, s.spacing_x,
    f.array_rows, f.array_cols, CASE WHEN i.slice_index = 0 THEN CONVERT(VARCHAR(MAX), f.array, 2) ELSE '''' END AS array,
    CONVERT(VARCHAR(64), f.sha256, 2) AS array_sha256
FROM #mapped AS c
INNER JOIN dbo.scans AS s ON s.scan_id = c.scan_id
INNER JOIN dbo.scan_images AS i ON i.scan_id = s.scan_id
INNER JOIN dbo.features AS f ON f.scan_id = s.scan_id AND f.feature_set_id = @FeatureSetId
ORDER BY i.scan_id, i.slice_index;',
            @params = N'@FeatureSetId INT, @Network VARBINARY(MAX), @Sha256 VARCHAR(64), @Details NVARCHAR(MAX), @Layer NVARCHAR(256),
                @Preprocessing NVARCHAR(32), @Steps NVARCHAR(MAX), @BatchSize INT, @Providers NVARCHAR(400), @Threads INT,
                @ErrorNumber INT OUTPUT, @ErrorMessage NVARCHAR(2000) OUTPUT',
            @FeatureSetId = @FeatureSetId, @Network = @Network, @Sha256 = @Sha256, @Details = @Details, @Layer = @Layer,
            @Preprocessing = @Preprocessing, @Steps = @Steps, @BatchSize = @BatchSize, @Providers = @Providers, @Threads = @Threads,
            @ErrorNumber = @ErrorNumber OUTPUT, @ErrorMessage = @ErrorMessage OUTPUT;
        IF @ErrorNumber <> 0
            EXECUTE internal.EndRun @RunId, 0, @ErrorMessage;
        IF @ErrorNumber <> 0
        BEGIN
            SET @Message = REPLACE(@ErrorMessage, N'%', N'%%');
            THROW @ErrorNumber, @Message, 1;
        END;
        EXECUTE internal.StoreMapsOfLayer @FeatureSetId;
        WHILE EXISTS (SELECT 1 FROM #mapped WHERE error IS NOT NULL)
        BEGIN
            SELECT TOP (1) @ScanId = scan_id,
                @Message = CONCAT(N'Scan ', scan_id, N', layer ', @Layer, N': no maps are kept. ', LEFT(error, 1600))
            FROM #mapped
            WHERE error IS NOT NULL
            ORDER BY scan_id;
            EXECUTE internal.ReportStep @RunId, @Message;
            UPDATE #mapped SET error = NULL WHERE scan_id = @ScanId;
            SET @Unkept = @Unkept + 1;
        END;
        SET @Done = @Done + (SELECT COUNT(*) FROM #mapped);
        DELETE FROM #unmapped WHERE feature_set_id = @FeatureSetId AND scan_id IN (SELECT scan_id FROM #mapped);
        SET @Message = CONCAT(N'Maps: ', @Done, N' of ', @Total, N' scans and layers done',
            N', ' + CAST(NULLIF(@Unkept, 0) AS NVARCHAR(12)) + N' of them without maps', N'.');
        EXECUTE internal.ReportStep @RunId, @Message;
    END;
END;
