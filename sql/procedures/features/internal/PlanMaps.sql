-- PlanMaps: finds how large the maps of the layers are, and refuses what would be more than the setting kept_maps_gigabytes allows, before
-- anything is done.
-- Called by StartFeatures; reads GenerateFeatures' table #layers and fills its table #map_shapes.
CREATE OR ALTER PROCEDURE internal.PlanMaps
    @NetworkId INT,               -- the network
    @Layer NVARCHAR(256),         -- names of layers with commas
    @Preprocessing NVARCHAR(32),  -- one of dbo.preprocessings
    @DatasetVersionId INT         -- version of a data set to stay within, or NULL for all scans
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Network VARBINARY(MAX), @Sha256 VARCHAR(64), @Details NVARCHAR(MAX), @Language NVARCHAR(128),
        @Providers NVARCHAR(400), @Threads INT, @ErrorNumber INT, @ErrorMessage NVARCHAR(2000), @Bound FLOAT, @Kept FLOAT, @Wanted FLOAT;
    CREATE TABLE #shapes (layer INT NULL, channels INT NULL, map_rows INT NULL, map_cols INT NULL);
    EXECUTE internal.ReadSettings @Language OUTPUT, @Providers OUTPUT, @Threads OUTPUT;
    SELECT @Network = model, @Sha256 = CONVERT(VARCHAR(64), sha256, 2), @Details = details
    FROM dbo.networks
    WHERE network_id = @NetworkId;
    INSERT INTO #shapes (layer, channels, map_rows, map_cols)
    EXECUTE sp_execute_external_script
        @language = @Language,
        @script = N'
def main(network, sha256, details, layers, providers, threads):
    from lungdb.procedures import map_shapes
    return map_shapes(network, sha256, details, layers, providers, threads)

OutputDataSet, ErrorNumber, ErrorMessage = main(Network, Sha256, Details, Layer, Providers, Threads)
',
        @params = N'@Network VARBINARY(MAX), @Sha256 VARCHAR(64), @Details NVARCHAR(MAX), @Layer NVARCHAR(256), @Providers NVARCHAR(400),
            @Threads INT, @ErrorNumber INT OUTPUT, @ErrorMessage NVARCHAR(2000) OUTPUT',
        @Network = @Network, @Sha256 = @Sha256, @Details = @Details, @Layer = @Layer, @Providers = @Providers, @Threads = @Threads,
        @ErrorNumber = @ErrorNumber OUTPUT, @ErrorMessage = @ErrorMessage OUTPUT;
    IF @ErrorNumber <> 0
    BEGIN
        SET @Message = REPLACE(@ErrorMessage, N'%', N'%%');
        THROW @ErrorNumber, @Message, 1;
    END;
    INSERT INTO #map_shapes (name, bytes)
    SELECT l.name, CAST(2 AS BIGINT) * s.channels * s.map_rows * s.map_cols
    FROM #layers AS l
    INNER JOIN #shapes AS s ON s.layer = l.layer;

    SET @Bound = (SELECT TRY_CAST(value AS FLOAT) FROM dbo.settings WHERE name = N'kept_maps_gigabytes');
    SET @Kept = COALESCE((SELECT SUM(CAST(2 AS FLOAT) * channels * map_rows * map_cols) FROM dbo.slice_maps), 0);
    -- Of a scan that lacks some, all are made again.
    SELECT @Wanted = COALESCE(SUM(CAST((s.number_images + 2) / 3 AS FLOAT) * h.bytes - COALESCE(k.bytes, 0)), 0)
    FROM dbo.scans AS s
    CROSS JOIN #map_shapes AS h
    LEFT JOIN (
        SELECT m.scan_id, f.layer, SUM(CAST(2 AS FLOAT) * m.channels * m.map_rows * m.map_cols) AS bytes,
            SUM(IIF(m.features_sha256 = a.sha256, 1, 0)) AS maps, MAX(a.array_rows) AS triples
        FROM dbo.slice_maps AS m
        INNER JOIN dbo.features AS a ON a.scan_id = m.scan_id AND a.feature_set_id = m.feature_set_id
        INNER JOIN dbo.feature_sets AS f ON f.feature_set_id = m.feature_set_id
        WHERE f.network_id = @NetworkId AND f.preprocessing = @Preprocessing
        GROUP BY m.scan_id, f.layer) AS k ON k.scan_id = s.scan_id AND k.layer = h.name
    WHERE s.source_uri IS NULL AND (k.scan_id IS NULL OR k.maps < k.triples) AND (@DatasetVersionId IS NULL OR s.scan_id IN (
        SELECT d.scan_id FROM dbo.dataset_members AS d WHERE d.dataset_version_id = @DatasetVersionId))
    OPTION (RECOMPILE);
    IF @Wanted > 0 AND @Kept + @Wanted > 1000000000 * @Bound
    BEGIN
        SET @Message = CONCAT(N'The maps of these scans would take ', CAST(@Wanted / 1000000 AS DECIMAL(18, 1)), N' MB more than the ',
            CAST(@Kept / 1000000 AS DECIMAL(18, 1)), N' MB that are kept, and the setting kept_maps_gigabytes allows ',
            CAST(1000 * @Bound AS DECIMAL(18, 1)), N' MB together. Nothing is done. Take a smaller @Dataset or a layer with smaller maps, ',
            N'delete rows of dbo.slice_maps, or raise the setting in dbo.settings.');
        THROW 50414, @Message, 1;
    END;
END;
