-- StoreExplanations: checks that what the script gave back is what it was sent, and stores the explanations of the scores that did not
-- fail, in one transaction. Maps stay where they are of the same features. A score or scan that was removed or changed meanwhile becomes
-- a row of #failed.
-- Nothing is stored of a score that this session holds no more.
-- Called by ExplainScans, whose tables #parts, #queue, #todo, #chunk and #result it reads and changes, and #failed it fills.
CREATE OR ALTER PROCEDURE internal.StoreExplanations
    @RunId INT,             -- row of dbo.runs
    @WorkId INT,            -- row of dbo.work
    @Worker NVARCHAR(128),  -- name of this session
    @FeatureSetId INT,      -- feature set of the vectors
    @Pooling NVARCHAR(32),  -- their pooling
    @Permutations INT,      -- of the estimates
    @Seed INT,              -- of the permutations
    @Features BIT           -- 1 when contributions of features were made
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Gone NVARCHAR(200) = N'The scan, its features or the score were replaced or removed meanwhile. Call it again.';
    CREATE TABLE #sent (place INT NOT NULL, part INT NOT NULL);
    CREATE TABLE #came (place INT NULL, part INT NULL);
    CREATE TABLE #made (prediction_id INT NOT NULL PRIMARY KEY, margin FLOAT NOT NULL, reference_margin FLOAT NULL);

    -- A head says how many rows belong to it, so that one that was lost on the way is missed.
    INSERT INTO #came (place, part)
    SELECT h.prediction_id, CASE WHEN h.kind = 'error' OR (h.x IS NOT NULL AND h.place = (
        SELECT COUNT(*) FROM #result AS r
        WHERE r.prediction_id = h.prediction_id AND r.value IS NOT NULL AND r.kind IN ('feature', 'without', 'share', 'shapley')))
        THEN 1 ELSE 0 END
    FROM #result AS h
    WHERE h.kind IN ('head', 'error') OR h.kind IS NULL OR h.prediction_id NOT IN (
        SELECT r.prediction_id FROM #result AS r WHERE r.kind = 'head' AND r.prediction_id IS NOT NULL);
    INSERT INTO #sent (place, part)
    SELECT c.prediction_id, 1
    FROM #chunk AS c
    WHERE c.prediction_id IN (SELECT place FROM #came) OR EXISTS (
        SELECT 1
        FROM dbo.pooled_features AS v
        INNER JOIN dbo.predictions AS p ON p.prediction_id = c.prediction_id
        WHERE v.scan_id = c.scan_id AND v.feature_set_id = @FeatureSetId AND v.pooling = @Pooling AND v.vector_sha256 = c.vector_sha256
            AND NOT EXISTS (
                SELECT 1 FROM #parts AS q WHERE NOT EXISTS (
                    SELECT 1 FROM dbo.features AS f WHERE f.scan_id = c.scan_id AND f.feature_set_id = q.feature_set_id)));
    EXECUTE internal.CheckRows N'prediction_ids', @RunId;

    BEGIN TRANSACTION;
    EXECUTE internal.HoldItems @WorkId, @Worker;
    DELETE FROM #result WHERE prediction_id IN (SELECT position FROM #queue WHERE state = 'lost');
    DELETE FROM #chunk WHERE prediction_id IN (SELECT position FROM #queue WHERE state = 'lost');
    INSERT INTO #failed (prediction_id, number, error)
    SELECT prediction_id, place, error FROM #result WHERE kind = 'error';
    -- Who explains the same score at the same time waits here.
    INSERT INTO #made (prediction_id, margin, reference_margin)
    SELECT r.prediction_id, r.x, r.value
    FROM #result AS r
    INNER JOIN dbo.predictions AS p WITH (UPDLOCK, HOLDLOCK) ON p.prediction_id = r.prediction_id
    WHERE r.kind = 'head';
    INSERT INTO #failed (prediction_id, number, error)
    SELECT prediction_id, 50232, @Gone
    FROM #chunk
    WHERE prediction_id NOT IN (SELECT prediction_id FROM #made) AND prediction_id NOT IN (SELECT prediction_id FROM #failed);

    DELETE m
    FROM dbo.score_maps AS m
    INNER JOIN dbo.score_explanations AS e ON e.prediction_id = m.prediction_id
    INNER JOIN #chunk AS c ON c.prediction_id = e.prediction_id
    WHERE c.prediction_id IN (SELECT prediction_id FROM #made)
        AND (COALESCE(e.vector_sha256, 0x) <> c.vector_sha256 OR COALESCE(e.array_sha256, 0x) <> COALESCE(c.array_sha256, 0x));
    -- Contributions that were not made again stay where they are of the same vector, and no estimates by other permutations. The library
    -- says which are estimates, not standard_error: few permutations have none. An ensemble may have a network in it.
    DELETE k
    FROM dbo.score_contributions AS k
    INNER JOIN dbo.score_explanations AS e ON e.prediction_id = k.prediction_id
    INNER JOIN #chunk AS c ON c.prediction_id = k.prediction_id
    INNER JOIN dbo.predictions AS p ON p.prediction_id = k.prediction_id
    INNER JOIN dbo.classifiers AS l ON l.classifier_id = p.classifier_id
    WHERE c.prediction_id IN (SELECT prediction_id FROM #made)
        AND (@Features = 1 OR COALESCE(e.vector_sha256, 0x) <> c.vector_sha256
            OR (l.library NOT IN (N'lightgbm', N'logistic') AND (e.seed <> @Seed OR e.permutations <> @Permutations)));
    DELETE k FROM dbo.score_slices AS k INNER JOIN #made AS m ON m.prediction_id = k.prediction_id;
    UPDATE e
    SET e.explained_at = SYSUTCDATETIME(), e.explained_by = COALESCE(CAST(SESSION_CONTEXT(N'user') AS NVARCHAR(128)), ORIGINAL_LOGIN()),
        e.margin = m.margin, e.reference_margin = m.reference_margin, e.vector_sha256 = c.vector_sha256,
        e.array_sha256 = c.array_sha256, e.seed = @Seed, e.permutations = @Permutations
    FROM dbo.score_explanations AS e
    INNER JOIN #made AS m ON m.prediction_id = e.prediction_id
    INNER JOIN #chunk AS c ON c.prediction_id = e.prediction_id;
    INSERT INTO dbo.score_explanations (prediction_id, margin, reference_margin, vector_sha256, array_sha256, seed, permutations)
    SELECT m.prediction_id, m.margin, m.reference_margin, c.vector_sha256, c.array_sha256, @Seed, @Permutations
    FROM #made AS m
    INNER JOIN #chunk AS c ON c.prediction_id = m.prediction_id
    WHERE NOT EXISTS (
        SELECT 1 FROM dbo.score_explanations AS e WITH (UPDLOCK, HOLDLOCK) WHERE e.prediction_id = m.prediction_id);
    INSERT INTO dbo.score_contributions (prediction_id, member, feature, feature_value, contribution, standard_error)
    SELECT r.prediction_id, r.member, NULLIF(r.place, -1), r.x, r.value, r.standard_error
    FROM #result AS r
    INNER JOIN #made AS m ON m.prediction_id = r.prediction_id
    WHERE r.kind = 'feature' AND @Features = 1;
    INSERT INTO dbo.score_slices (prediction_id, triple, first_slice, method, value, standard_error)
    SELECT r.prediction_id, r.place, 3 * r.place, r.kind, r.value, r.standard_error
    FROM #result AS r
    INNER JOIN #made AS m ON m.prediction_id = r.prediction_id
    WHERE r.kind IN ('without', 'share', 'shapley')
        -- The rows of a network of volumes are tiles, those of one channel single slices; neither are three slices.
        AND NOT EXISTS (
            SELECT 1
            FROM #parts AS q
            INNER JOIN dbo.feature_sets AS f ON f.feature_set_id = q.feature_set_id
            INNER JOIN dbo.networks AS n ON n.network_id = f.network_id
            WHERE JSON_VALUE(n.details, N'$.input.dimensions') = N'3' OR JSON_VALUE(n.details, N'$.input.channels') = N'1');
    UPDATE q
    SET q.state = 'failed', q.error_number = f.number, q.error = f.error
    FROM #queue AS q
    INNER JOIN #failed AS f ON f.prediction_id = q.position
    WHERE q.state = 'held';
    EXECUTE internal.SettleItems @WorkId;
    COMMIT TRANSACTION;
    DELETE t FROM #todo AS t INNER JOIN #chunk AS c ON c.prediction_id = t.prediction_id;
    EXECUTE internal.ReportLostItems @RunId, N'scores';
END;
