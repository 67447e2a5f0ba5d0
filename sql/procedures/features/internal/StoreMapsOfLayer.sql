-- StoreMapsOfLayer: stores the maps of the scans of which the script gave back all, in one transaction, and says of the others what is
-- wrong. A scan whose slices or features changed meanwhile keeps none, nor does one for which kept_maps_gigabytes leaves no room any more.
-- Called by KeepMaps, whose table #maps it reads and whose table #mapped it changes.
CREATE OR ALTER PROCEDURE internal.StoreMapsOfLayer
    @FeatureSetId INT -- feature set whose rows the maps average to
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Room FLOAT = 1000000000 * (SELECT TRY_CAST(value AS FLOAT) FROM dbo.settings WHERE name = N'kept_maps_gigabytes');
    CREATE TABLE #sizes (scan_id INT NOT NULL PRIMARY KEY, bytes FLOAT NOT NULL);
    -- Not every runtime tells an empty text from NULL.
    UPDATE c
    SET c.error = r.error
    FROM #mapped AS c
    INNER JOIN #maps AS r ON r.scan_id = c.scan_id
    WHERE r.error <> N'';
    UPDATE c
    SET c.error = N'It has no slices any more. Load the scan again.'
    FROM #mapped AS c
    WHERE c.error IS NULL AND NOT EXISTS (SELECT 1 FROM dbo.scan_images AS i WHERE i.scan_id = c.scan_id);
    UPDATE c
    SET c.error = CONCAT(N'The script gave back ', (SELECT COUNT(*) FROM #maps AS r WHERE r.scan_id = c.scan_id),
        N' maps, not ', c.array_rows, N' that are whole. Call it again; if it happens again, see EXECUTE dbo.Doctor;')
    FROM #mapped AS c
    WHERE c.error IS NULL AND c.array_rows <> (
        SELECT COUNT(DISTINCT r.triple)
        FROM #maps AS r
        WHERE r.scan_id = c.scan_id AND r.triple BETWEEN 0 AND c.array_rows - 1
            AND HASHBYTES('SHA2_256', CONVERT(VARBINARY(MAX), r.map, 2)) = CONVERT(VARBINARY(32), r.sha256, 2));

    BEGIN TRANSACTION;
    -- First the features, then their maps, as StoreFeatures and whoever deletes features does.
    UPDATE c
    SET c.error = N'Its slices or features changed while the maps were made. Call it again.'
    FROM #mapped AS c
    WHERE c.error IS NULL AND NOT EXISTS (
        SELECT 1
        FROM dbo.features AS f WITH (UPDLOCK, HOLDLOCK)
        INNER JOIN dbo.scans AS s ON s.scan_id = f.scan_id
        WHERE f.scan_id = c.scan_id AND f.feature_set_id = @FeatureSetId AND f.sha256 = c.features_sha256
            AND s.content_sha256 = c.content_sha256);
    DELETE k
    FROM dbo.slice_maps AS k
    INNER JOIN #mapped AS c ON c.scan_id = k.scan_id
    WHERE k.feature_set_id = @FeatureSetId AND c.error IS NULL;
    -- Another call may have kept maps since PlanMaps looked. What is read stays as it is until the end, so two calls count each other's.
    SET @Room = @Room - COALESCE((
        SELECT SUM(CAST(2 AS FLOAT) * channels * map_rows * map_cols) FROM dbo.slice_maps WITH (UPDLOCK, HOLDLOCK)), 0);
    INSERT INTO #sizes (scan_id, bytes)
    SELECT r.scan_id, SUM(CAST(2 AS FLOAT) * r.channels * r.map_rows * r.map_cols)
    FROM #maps AS r
    INNER JOIN #mapped AS c ON c.scan_id = r.scan_id
    WHERE c.error IS NULL
    GROUP BY r.scan_id;
    UPDATE c
    SET c.error = N'The setting kept_maps_gigabytes leaves no room for them. Delete rows of dbo.slice_maps, or raise the setting.'
    FROM #mapped AS c
    INNER JOIN (
        SELECT scan_id, SUM(bytes) OVER (ORDER BY scan_id ROWS UNBOUNDED PRECEDING) AS so_far FROM #sizes) AS z ON z.scan_id = c.scan_id
    WHERE z.so_far > @Room;
    INSERT INTO dbo.slice_maps (scan_id, feature_set_id, triple, channels, map_rows, map_cols, scale, largest_error, largest_relative_error,
        map, sha256, features_sha256)
    SELECT r.scan_id, @FeatureSetId, r.triple, r.channels, r.map_rows, r.map_cols, r.scale, r.largest_error, r.largest_relative_error,
        CONVERT(VARBINARY(MAX), r.map, 2), CONVERT(VARBINARY(32), r.sha256, 2), c.features_sha256
    FROM #maps AS r
    INNER JOIN #mapped AS c ON c.scan_id = r.scan_id
    WHERE c.error IS NULL;
    COMMIT TRANSACTION;
END;
