-- StoreStagedFeatures: stores the features of scans that lungdb load-features has put into dbo.staged_features, all of them or none.
-- Example: EXECUTE dbo.StoreStagedFeatures @LoadId = '0123456789abcdef0123456789abcdef', @NetworkId = 1, @Rows = 200;
CREATE OR ALTER PROCEDURE dbo.StoreStagedFeatures
    @LoadId CHAR(32) = NULL,              -- load_id of the rows in dbo.staged_features; needed
    @NetworkId INT = NULL,                -- network that made the features, in dbo.networks; needed
    @Preprocessing NVARCHAR(32) = N'lung', -- name in dbo.preprocessings
    @Digest VARBINARY(32) = NULL,         -- its digest when they were made; NULL takes what is stored
    @Rows INT = NULL,                     -- how many rows of the load are in dbo.staged_features; needed
    @Replace BIT = 0,                     -- 1 replaces features that differ from those, 0 leaves them as they are
    @Help BIT = 0                         -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.StoreStagedFeatures stores features that were made outside of the database: lungdb load-features puts them into
dbo.staged_features and their scans into dbo.scans, and calls it. Each array is held to its SHA-256 and to the width of its layer. It gives
a row for each of the load: place, and what came of it, stored, replaced, unchanged, or refused, where others are stored already.
Parameters:
    @LoadId CHAR(32) = NULL                load_id of the rows in dbo.staged_features; needed
    @NetworkId INT = NULL                  network that made the features, in dbo.networks; needed
    @Preprocessing NVARCHAR(32) = N''lung''  name in dbo.preprocessings
    @Digest VARBINARY(32) = NULL           its digest when they were made; NULL takes what is stored
    @Rows INT = NULL                       how many rows of the load are in dbo.staged_features; needed
    @Replace BIT = 0                       1 replaces features that differ from those, 0 leaves them as they are
    @Help BIT = 0                          1 prints this help and does nothing else
Example:
    EXECUTE dbo.StoreStagedFeatures @LoadId = ''0123456789abcdef0123456789abcdef'', @NetworkId = 1, @Rows = 200;';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000), @Number INT, @Locked INT, @Scans NVARCHAR(MAX);
    IF @LoadId IS NULL OR @NetworkId IS NULL OR @Preprocessing IS NULL OR @Rows IS NULL OR @Replace IS NULL
        THROW 50101, N'The parameters @LoadId, @NetworkId, @Preprocessing, @Rows and @Replace cannot be NULL. Give all of them.', 1;
    CREATE TABLE #staged (place INT NOT NULL PRIMARY KEY, scan_id INT NOT NULL, feature_set_id INT NOT NULL,
        outcome VARCHAR(10) COLLATE DATABASE_DEFAULT NOT NULL);
    CREATE TABLE #vectors (place INT NOT NULL, pooling NVARCHAR(32) COLLATE DATABASE_DEFAULT NOT NULL,
        vector NVARCHAR(MAX) COLLATE DATABASE_DEFAULT NOT NULL, sha256 VARBINARY(32) NOT NULL, PRIMARY KEY (place, pooling));

    BEGIN TRANSACTION;
    -- First the worklist, then the rest, as whoever changes both does: so they wait for each other here, and not crosswise.
    SET @Locked = (
        SELECT COUNT(*)
        FROM dbo.worklist AS w WITH (UPDLOCK, HOLDLOCK)
        WHERE w.scan_id IN (
            SELECT s.scan_id FROM dbo.scans AS s INNER JOIN dbo.staged_features AS r ON r.series_uid = s.series_uid
            WHERE r.load_id = @LoadId));
    EXECUTE internal.FindStagedFaults @LoadId, @NetworkId, @Preprocessing, @Digest, @Rows, @Number OUTPUT, @Message OUTPUT;
    IF @Number IS NOT NULL
    BEGIN
        ROLLBACK TRANSACTION;
        SET @Message = REPLACE(@Message, N'%', N'%%');
        THROW @Number, @Message, 1;
    END;

    INSERT INTO dbo.feature_sets (network_id, layer, preprocessing, width)
    SELECT DISTINCT @NetworkId, r.layer, @Preprocessing, r.array_cols
    FROM dbo.staged_features AS r
    WHERE r.load_id = @LoadId AND NOT EXISTS (
        SELECT 1 FROM dbo.feature_sets AS s WITH (UPDLOCK, HOLDLOCK)
        WHERE s.network_id = @NetworkId AND s.layer = r.layer AND s.preprocessing = @Preprocessing);
    INSERT INTO #staged (place, scan_id, feature_set_id, outcome)
    SELECT r.place, s.scan_id, f.feature_set_id, 'unchanged'
    FROM dbo.staged_features AS r
    INNER JOIN dbo.scans AS s WITH (UPDLOCK, HOLDLOCK) ON s.series_uid = r.series_uid AND s.content_sha256 = r.content_sha256
    INNER JOIN dbo.feature_sets AS f ON f.network_id = @NetworkId AND f.layer = r.layer AND f.preprocessing = @Preprocessing
    WHERE r.load_id = @LoadId;
    INSERT INTO #vectors (place, pooling, vector, sha256)
    SELECT r.place, v.[key], v.[value], HASHBYTES('SHA2_256', CONVERT(VARBINARY(MAX), v.[value]))
    FROM dbo.staged_features AS r
    CROSS APPLY OPENJSON(r.pooled) AS v
    WHERE r.load_id = @LoadId;

    EXECUTE internal.JudgeStaged @LoadId, @Replace;
    DELETE p
    FROM dbo.pooled_features AS p
    INNER JOIN #staged AS t ON t.scan_id = p.scan_id AND t.feature_set_id = p.feature_set_id
    WHERE t.outcome = 'replaced' OR (t.outcome = 'stored' AND p.vector_sha256 IS NULL AND EXISTS (
        SELECT 1 FROM #vectors AS v WHERE v.place = t.place AND v.pooling = p.pooling));
    UPDATE f
    SET f.array_rows = r.array_rows, f.array_cols = r.array_cols, f.array = r.array, f.sha256 = r.sha256
    FROM dbo.features AS f
    INNER JOIN #staged AS t ON t.scan_id = f.scan_id AND t.feature_set_id = f.feature_set_id
    INNER JOIN dbo.staged_features AS r ON r.load_id = @LoadId AND r.place = t.place
    WHERE t.outcome IN ('stored', 'replaced') AND (f.array_rows = 0 OR f.sha256 <> r.sha256);
    -- Maps are those of the features that they average to.
    DELETE k
    FROM dbo.slice_maps AS k
    INNER JOIN #staged AS t ON t.scan_id = k.scan_id AND t.feature_set_id = k.feature_set_id
    INNER JOIN dbo.features AS f ON f.scan_id = k.scan_id AND f.feature_set_id = k.feature_set_id
    WHERE k.features_sha256 <> f.sha256;
    INSERT INTO dbo.features (scan_id, feature_set_id, array_rows, array_cols, array, sha256, patient_id)
    SELECT t.scan_id, t.feature_set_id, r.array_rows, r.array_cols, r.array, r.sha256, s.patient_id
    FROM #staged AS t
    INNER JOIN dbo.scans AS s ON s.scan_id = t.scan_id
    INNER JOIN dbo.staged_features AS r ON r.load_id = @LoadId AND r.place = t.place
    WHERE NOT EXISTS (
        SELECT 1 FROM dbo.features AS f WHERE f.scan_id = t.scan_id AND f.feature_set_id = t.feature_set_id);
    INSERT INTO dbo.pooled_features (scan_id, feature_set_id, pooling, vector, vector_sha256)
    SELECT t.scan_id, t.feature_set_id, v.pooling, v.vector, v.sha256
    FROM #staged AS t
    INNER JOIN #vectors AS v ON v.place = t.place
    WHERE t.outcome IN ('stored', 'replaced') AND NOT EXISTS (
        SELECT 1 FROM dbo.pooled_features AS p
        WHERE p.scan_id = t.scan_id AND p.feature_set_id = t.feature_set_id AND p.pooling = v.pooling);
    DELETE FROM dbo.scan_failures WHERE scan_id IN (SELECT scan_id FROM #staged WHERE outcome IN ('stored', 'replaced'));
    SET @Scans = COALESCE((
        SELECT STRING_AGG(CAST(d.scan_id AS NVARCHAR(MAX)), N',') FROM (SELECT DISTINCT scan_id FROM #staged) AS d), N'');
    EXECUTE dbo.RefreshWorklist @Scans;
    COMMIT TRANSACTION;

    SELECT place, outcome FROM #staged ORDER BY place;
END;
