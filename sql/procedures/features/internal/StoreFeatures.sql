-- StoreFeatures: stores the scans in #result that did not fail; runs inside the caller's transaction.
-- Called by GenerateFeatures, whose table #result it reads.
CREATE OR ALTER PROCEDURE internal.StoreFeatures
    @NetworkId INT,               -- the network that made them
    @Preprocessing NVARCHAR(32),  -- lung or seed
    @Pooling NVARCHAR(128),       -- the poolings that were made, with commas
    @Recompute BIT                -- 1 removes poolings of older runs too
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Locked INT, @Scans NVARCHAR(MAX);
    -- First the worklist, then the rest, as whoever changes both does: so they wait for each other here, and not crosswise.
    SET @Locked = (
        SELECT COUNT(*) FROM dbo.worklist WITH (UPDLOCK, HOLDLOCK) WHERE scan_id IN (SELECT scan_id FROM #result WHERE error = N''));
    INSERT INTO dbo.feature_sets (network_id, layer, preprocessing, width)
    SELECT DISTINCT @NetworkId, r.layer, @Preprocessing, r.array_cols
    FROM #result AS r
    WHERE r.error = N'' AND NOT EXISTS (
        SELECT 1 FROM dbo.feature_sets AS s WITH (UPDLOCK, HOLDLOCK)
        WHERE s.network_id = @NetworkId AND s.layer = r.layer AND s.preprocessing = @Preprocessing);

    CREATE TABLE #made (
        scan_id INT NOT NULL, feature_set_id INT NOT NULL, layer NVARCHAR(256) COLLATE DATABASE_DEFAULT NOT NULL,
        PRIMARY KEY (scan_id, feature_set_id));
    INSERT INTO #made (scan_id, feature_set_id, layer)
    SELECT r.scan_id, s.feature_set_id, r.layer
    FROM #result AS r
    INNER JOIN dbo.feature_sets AS s ON s.network_id = @NetworkId AND s.layer = r.layer AND s.preprocessing = @Preprocessing
    WHERE r.error = N'';

    DELETE p
    FROM dbo.pooled_features AS p
    INNER JOIN #made AS m ON m.scan_id = p.scan_id AND m.feature_set_id = p.feature_set_id
    WHERE @Recompute = 1 OR p.pooling IN (SELECT value FROM STRING_SPLIT(@Pooling, N','));

    UPDATE f
    SET f.array_rows = r.array_rows,
        f.array_cols = r.array_cols,
        f.array = CONVERT(VARBINARY(MAX), r.array, 2),
        f.sha256 = CONVERT(VARBINARY(32), r.sha256, 2)
    FROM dbo.features AS f
    INNER JOIN #made AS m ON m.scan_id = f.scan_id AND m.feature_set_id = f.feature_set_id
    INNER JOIN #result AS r ON r.scan_id = m.scan_id AND r.layer = m.layer;

    INSERT INTO dbo.features (scan_id, feature_set_id, array_rows, array_cols, array, sha256)
    SELECT m.scan_id, m.feature_set_id, r.array_rows, r.array_cols,
        CONVERT(VARBINARY(MAX), r.array, 2), CONVERT(VARBINARY(32), r.sha256, 2)
    FROM #made AS m
    INNER JOIN #result AS r ON r.scan_id = m.scan_id AND r.layer = m.layer
    WHERE NOT EXISTS (
        SELECT 1 FROM dbo.features AS f WHERE f.scan_id = m.scan_id AND f.feature_set_id = m.feature_set_id);

    INSERT INTO dbo.pooled_features (scan_id, feature_set_id, pooling, vector)
    SELECT m.scan_id, m.feature_set_id, v.[key], v.[value]
    FROM #made AS m
    INNER JOIN #result AS r ON r.scan_id = m.scan_id AND r.layer = m.layer
    CROSS APPLY OPENJSON(r.pooled) AS v;

    DELETE FROM dbo.scan_failures WHERE scan_id IN (SELECT scan_id FROM #made);
    SET @Scans = COALESCE((SELECT STRING_AGG(CAST(m.scan_id AS NVARCHAR(MAX)), N',') FROM (SELECT DISTINCT scan_id FROM #made) AS m), N'');
    EXECUTE dbo.RefreshWorklist @Scans;
END;
