-- StoreFeatures: checks that what the script gave back is what it was sent, and stores the scans that did not fail, in one transaction.
-- A scan that was replaced or removed meanwhile, or that failed, becomes a row of #failed instead. One whose kept pictures cannot be read
-- any more goes back to #todo, to be made of its slices. Prepared pictures in #result are left to KeepPictures. Nothing is stored of a scan
-- that this session holds no more.
-- Called by GenerateFeatures and StoreWork, whose tables #layers and #result it reads, #todo, #queue and #chunk it changes, and #failed it
-- fills.
CREATE OR ALTER PROCEDURE internal.StoreFeatures
    @RunId INT,                   -- row of dbo.runs
    @WorkId INT,                  -- row of dbo.work
    @Worker NVARCHAR(128),        -- name of this session
    @NetworkId INT,               -- the network that made them
    @Preprocessing NVARCHAR(32),  -- one of dbo.preprocessings
    @Digest VARBINARY(32),        -- its digest when they were made
    @Pooling NVARCHAR(128),       -- the poolings that were made, with commas
    @Recompute BIT,               -- 1 removes poolings of older runs too
    @Came DATETIME2(3) OUTPUT     -- when this begins: what the script gave back has come
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Number INT, @Locked INT, @Scans NVARCHAR(MAX);
    SET @Came = SYSUTCDATETIME();
    CREATE TABLE #sent (place INT NOT NULL, part INT NOT NULL);
    CREATE TABLE #came (place INT NULL, part INT NULL);
    CREATE TABLE #made (
        scan_id INT NOT NULL, feature_set_id INT NOT NULL, layer INT NOT NULL, PRIMARY KEY (scan_id, feature_set_id));

    -- Not every runtime tells an empty text from NULL.
    UPDATE #result SET error = N'' WHERE error IS NULL;
    UPDATE #todo SET is_kept = 0 WHERE is_kept = 1 AND scan_id IN (SELECT scan_id FROM #result WHERE layer = -1);
    UPDATE #queue SET grp = 1, state = 'open' WHERE state = 'held' AND position IN (SELECT scan_id FROM #result WHERE layer = -1);
    DELETE FROM #chunk WHERE is_kept = 1 AND scan_id IN (SELECT scan_id FROM #result WHERE layer = -1);
    INSERT INTO #came (place, part)
    SELECT r.scan_id, r.layer
    FROM #result AS r
    WHERE (r.layer IS NULL OR r.layer <> -2) AND NOT EXISTS (
        SELECT 1 FROM #todo AS t WHERE t.scan_id = r.scan_id AND r.layer = -1 AND t.scan_id NOT IN (SELECT scan_id FROM #chunk));
    -- Of a scan that changed while the script ran it is not known whether its slices were read.
    INSERT INTO #sent (place, part)
    SELECT c.scan_id, l.layer
    FROM #chunk AS c
    CROSS JOIN #layers AS l
    WHERE c.slices > 0 AND c.scan_id NOT IN (SELECT scan_id FROM #result WHERE error <> N'')
        AND (c.scan_id IN (SELECT place FROM #came) OR EXISTS (
            SELECT 1 FROM dbo.scans AS s WHERE s.scan_id = c.scan_id AND s.content_sha256 = c.content_sha256));
    INSERT INTO #sent (place, part)
    SELECT scan_id, 0 FROM #chunk WHERE scan_id IN (SELECT scan_id FROM #result WHERE error <> N'');
    EXECUTE internal.CheckRows N'scan_ids', @RunId;

    BEGIN TRANSACTION;
    -- First the worklist, then the rest, as whoever changes both does: so they wait for each other here, and not crosswise.
    SET @Locked = (SELECT COUNT(*) FROM dbo.worklist WITH (UPDLOCK, HOLDLOCK) WHERE scan_id IN (SELECT scan_id FROM #chunk));
    EXECUTE internal.HoldItems @WorkId, @Worker;
    DELETE FROM #result WHERE scan_id IN (SELECT position FROM #queue WHERE state = 'lost');
    DELETE FROM #chunk WHERE scan_id IN (SELECT position FROM #queue WHERE state = 'lost');
    INSERT INTO #failed (scan_id, error, is_new, is_gone)
    SELECT c.scan_id, N'It was replaced or removed while its features were made, so they are not stored.', 1, 1
    FROM #chunk AS c
    LEFT JOIN dbo.scans AS s WITH (UPDLOCK, HOLDLOCK) ON s.scan_id = c.scan_id AND s.content_sha256 = c.content_sha256
    WHERE s.scan_id IS NULL;
    INSERT INTO #failed (scan_id, error, is_new, is_gone)
    SELECT c.scan_id, CASE WHEN c.slices < 0 THEN N'Its slices are more than 1 GB as they are sent to the script.'
            ELSE COALESCE(r.error, N'No slices are stored. Load the scan again.') END, 1, 0
    FROM #chunk AS c
    LEFT JOIN #result AS r ON r.scan_id = c.scan_id AND r.error <> N''
    WHERE (r.scan_id IS NOT NULL OR c.slices <= 0) AND c.scan_id NOT IN (SELECT scan_id FROM #failed);

    IF NOT EXISTS (SELECT 1 FROM dbo.networks WITH (UPDLOCK, HOLDLOCK) WHERE network_id = @NetworkId)
        SELECT @Number = 50232, @Message = N'The network was deleted while the features were made. Load it again, or take another one.';
    IF NOT EXISTS (SELECT 1 FROM dbo.preprocessings WITH (UPDLOCK, HOLDLOCK) WHERE name = @Preprocessing AND digest = @Digest)
        SELECT @Number = 50232, @Message = N'The preprocessing was deleted meanwhile. Store it again, or take another one.';
    SELECT TOP (1) @Number = 50110, @Message = CONCAT(N'The feature set ', s.feature_set_id, N' is recorded with ', s.width,
        N' features, and the network gives ', r.array_cols, N'. Correct its width in dbo.feature_sets.')
    FROM #result AS r
    INNER JOIN #layers AS l ON l.layer = r.layer
    INNER JOIN dbo.feature_sets AS s ON s.network_id = @NetworkId AND s.layer = l.name AND s.preprocessing = @Preprocessing
    WHERE r.error = N'' AND s.width <> r.array_cols;
    IF @Message IS NOT NULL
    BEGIN
        ROLLBACK TRANSACTION;
        EXECUTE internal.EndRun @RunId, 0, @Message;
        THROW @Number, @Message, 1;
    END;

    INSERT INTO dbo.feature_sets (network_id, layer, preprocessing, width)
    SELECT DISTINCT @NetworkId, l.name, @Preprocessing, r.array_cols
    FROM #result AS r
    INNER JOIN #layers AS l ON l.layer = r.layer
    WHERE r.error = N'' AND r.scan_id NOT IN (SELECT scan_id FROM #failed) AND NOT EXISTS (
        SELECT 1 FROM dbo.feature_sets AS s WITH (UPDLOCK, HOLDLOCK)
        WHERE s.network_id = @NetworkId AND s.layer = l.name AND s.preprocessing = @Preprocessing);
    INSERT INTO #made (scan_id, feature_set_id, layer)
    SELECT r.scan_id, s.feature_set_id, r.layer
    FROM #result AS r
    INNER JOIN #layers AS l ON l.layer = r.layer
    INNER JOIN dbo.feature_sets AS s ON s.network_id = @NetworkId AND s.layer = l.name AND s.preprocessing = @Preprocessing
    WHERE r.error = N'' AND r.scan_id NOT IN (SELECT scan_id FROM #failed);

    DELETE p
    FROM dbo.pooled_features AS p
    INNER JOIN #made AS m ON m.scan_id = p.scan_id AND m.feature_set_id = p.feature_set_id
    WHERE @Recompute = 1 OR p.pooling IN (SELECT value FROM STRING_SPLIT(@Pooling, N','))
    OPTION (RECOMPILE);

    UPDATE f
    SET f.array_rows = r.array_rows,
        f.array_cols = r.array_cols,
        f.array = CONVERT(VARBINARY(MAX), r.array, 2),
        f.sha256 = CONVERT(VARBINARY(32), r.sha256, 2)
    FROM dbo.features AS f
    INNER JOIN #made AS m ON m.scan_id = f.scan_id AND m.feature_set_id = f.feature_set_id
    INNER JOIN #result AS r ON r.scan_id = m.scan_id AND r.layer = m.layer;

    -- Maps are those of the features that they average to.
    DELETE k
    FROM dbo.slice_maps AS k
    INNER JOIN #made AS m ON m.scan_id = k.scan_id AND m.feature_set_id = k.feature_set_id
    INNER JOIN dbo.features AS f ON f.scan_id = k.scan_id AND f.feature_set_id = k.feature_set_id
    WHERE k.features_sha256 <> f.sha256;

    INSERT INTO dbo.features (scan_id, feature_set_id, array_rows, array_cols, array, sha256, patient_id)
    SELECT m.scan_id, m.feature_set_id, r.array_rows, r.array_cols,
        CONVERT(VARBINARY(MAX), r.array, 2), CONVERT(VARBINARY(32), r.sha256, 2), s.patient_id
    FROM #made AS m
    INNER JOIN dbo.scans AS s ON s.scan_id = m.scan_id
    INNER JOIN #result AS r ON r.scan_id = m.scan_id AND r.layer = m.layer
    WHERE NOT EXISTS (
        SELECT 1 FROM dbo.features AS f WHERE f.scan_id = m.scan_id AND f.feature_set_id = m.feature_set_id);

    INSERT INTO dbo.pooled_features (scan_id, feature_set_id, pooling, vector, vector_sha256)
    SELECT m.scan_id, m.feature_set_id, v.[key], v.[value], HASHBYTES('SHA2_256', CONVERT(VARBINARY(MAX), v.[value]))
    FROM #made AS m
    INNER JOIN #result AS r ON r.scan_id = m.scan_id AND r.layer = m.layer
    CROSS APPLY OPENJSON(r.pooled) AS v;

    EXECUTE internal.StoreNodules @NetworkId, @Preprocessing;
    DELETE FROM dbo.scan_failures WHERE scan_id IN (SELECT scan_id FROM #made);
    SET @Scans = COALESCE((SELECT STRING_AGG(CAST(m.scan_id AS NVARCHAR(MAX)), N',') FROM (SELECT DISTINCT scan_id FROM #made) AS m), N'');
    EXECUTE dbo.RefreshWorklist @Scans;
    UPDATE q
    SET q.state = 'failed', q.error_number = 50120, q.error = f.error
    FROM #queue AS q
    INNER JOIN #failed AS f ON f.scan_id = q.position
    WHERE q.state = 'held';
    EXECUTE internal.SettleItems @WorkId;
    COMMIT TRANSACTION;
    EXECUTE internal.ReportLostItems @RunId, N'scans';
END;
