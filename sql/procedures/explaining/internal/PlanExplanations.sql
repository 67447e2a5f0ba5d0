-- PlanExplanations: fills #parts with the pieces of the model's vector that are pooled of features, #todo with the scores of #asked that
-- are to be explained, and #failed with those that cannot be, because what is stored is gone or is not what was scored.
-- Called by StartExplanations; reads and fills ExplainScans' tables #asked, #parts, #todo and #failed.
CREATE OR ALTER PROCEDURE internal.PlanExplanations
    @ClassifierId INT,              -- the version of the model
    @Permutations INT,              -- of the estimates
    @Seed INT,                      -- of the permutations
    @Features BIT,                  -- 1 when contributions of features are wanted
    @Recompute BIT,                 -- 1 takes those that are explained already too
    @Parts NVARCHAR(MAX) OUTPUT,    -- JSON array of [position, pooling, first index, width]
    @Means NVARCHAR(MAX) OUTPUT     -- JSON array of [feature, mean over the training scans]
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @FeatureSetId INT, @Pooling NVARCHAR(32), @Wanted INT, @Calls NVARCHAR(1200);
    CREATE TABLE #combine (scan_id INT NOT NULL PRIMARY KEY);
    CREATE TABLE #means (feature_index INT NOT NULL PRIMARY KEY, mean FLOAT NOT NULL);
    CREATE TABLE #arrays (
        scan_id INT NOT NULL PRIMARY KEY, parts INT NOT NULL, bytes BIGINT NOT NULL, sha256 VARBINARY(32) NOT NULL);
    SELECT @FeatureSetId = feature_set_id, @Pooling = pooling FROM dbo.classifiers WHERE classifier_id = @ClassifierId;

    INSERT INTO #parts (position, feature_set_id, pooling, first_index, width)
    SELECT p.position, p.part_feature_set_id, p.pooling, p.first_index, p.width
    FROM dbo.feature_parts AS p
    INNER JOIN dbo.feature_sets AS f ON f.feature_set_id = p.part_feature_set_id
    LEFT JOIN dbo.networks AS n ON n.network_id = f.network_id
    WHERE p.feature_set_id = @FeatureSetId
        -- What a network pools and the scores of nodules stay as they are, like columns: no rows are left out of them. So do parts whose
        -- rows are tiles or single slices: beside triples nobody can say which of them is which.
        AND p.pooling NOT IN (SELECT pooling FROM dbo.poolings WHERE network_id IS NOT NULL OR width IS NOT NULL)
        AND COALESCE(JSON_VALUE(n.details, N'$.input.dimensions'), N'2') <> N'3'
        AND COALESCE(JSON_VALUE(n.details, N'$.input.channels'), N'3') <> N'1'
    UNION ALL
    SELECT 0, f.feature_set_id, @Pooling, 0, f.width * COALESCE(k.times, 1)
    FROM dbo.feature_sets AS f
    LEFT JOIN dbo.poolings AS k ON k.pooling = @Pooling -- what is registered no more, the script refuses
    WHERE f.feature_set_id = @FeatureSetId AND f.network_id IS NOT NULL AND k.network_id IS NULL AND k.width IS NULL;
    SET @Wanted = (SELECT COUNT(*) FROM #parts);
    SET @Parts = (
        SELECT CONCAT(N'[', STRING_AGG(CONCAT(CAST(N'[' AS NVARCHAR(MAX)), position, N', "', pooling, N'", ', first_index, N', ', width,
            N']'), N', '), N']')
        FROM #parts);
    INSERT INTO #means (feature_index, mean)
    SELECT feature_index, mean FROM dbo.model_scope_features WHERE classifier_id = @ClassifierId;
    -- A model older than dbo.model_scope: of the scans that it was trained on whose vectors are what they were.
    IF NOT EXISTS (SELECT 1 FROM #means)
        INSERT INTO #means (feature_index, mean)
        SELECT CAST(v.[key] AS INT), AVG(CAST(v.[value] AS FLOAT))
        FROM dbo.experiment_patients AS t
        INNER JOIN dbo.pooled_features AS f ON f.scan_id = t.scan_id AND f.vector_sha256 = t.vector_sha256
        CROSS APPLY OPENJSON(f.vector) AS v
        WHERE t.part = 'train' AND t.member = 0 AND f.feature_set_id = @FeatureSetId AND f.pooling = @Pooling AND v.[type] = 2
            AND t.experiment_id = (SELECT MAX(e.experiment_id) FROM dbo.experiments AS e WHERE e.classifier_id = @ClassifierId)
        GROUP BY CAST(v.[key] AS INT);
    SET @Means = (
        SELECT CONCAT(N'[', STRING_AGG(CONCAT(CAST(N'[' AS NVARCHAR(MAX)), feature_index, N', ', CONVERT(NVARCHAR(40), mean, 3), N']'),
            N', '), N']')
        FROM #means);
    SET @Calls = LEFT((
        SELECT STRING_AGG(CONCAT(CAST(N'EXECUTE dbo.GenerateFeatures @ModelName = N''' AS NVARCHAR(MAX)), REPLACE(n.name, N'''', N''''''),
            N''', @Layer = N''', REPLACE(f.layer, N'''', N''''''), N''', @Preprocessing = N''', f.preprocessing, N''', @Pooling = N''',
            q.pooling, N''', @Recompute = 1;'), N' ')
        FROM #parts AS q
        INNER JOIN dbo.feature_sets AS f ON f.feature_set_id = q.feature_set_id
        INNER JOIN dbo.networks AS n ON n.network_id = f.network_id), 1200);

    INSERT INTO #combine (scan_id)
    SELECT scan_id FROM #asked;
    EXECUTE internal.FillCombinedFeatures @FeatureSetId;
    -- A copy of a model brings features without their array.
    INSERT INTO #arrays (scan_id, parts, bytes, sha256)
    SELECT r.scan_id, COUNT(*), SUM(r.bytes), IIF(COUNT(*) = 1, CONVERT(VARBINARY(32), MAX(r.sha256), 2), HASHBYTES('SHA2_256',
        CONVERT(VARBINARY(MAX), STRING_AGG(r.sha256, ',') WITHIN GROUP (ORDER BY r.position))))
    FROM (
        SELECT f.scan_id, q.position, CAST(DATALENGTH(f.array) AS BIGINT) AS bytes,
            CAST(CONVERT(VARCHAR(64), f.sha256, 2) AS VARCHAR(MAX)) AS sha256
        FROM #parts AS q
        INNER JOIN dbo.features AS f ON f.feature_set_id = q.feature_set_id AND DATALENGTH(f.array) > 0
        INNER JOIN #asked AS a ON a.scan_id = f.scan_id) AS r
    GROUP BY r.scan_id;

    INSERT INTO #failed (prediction_id, number, error)
    SELECT e.prediction_id, e.number, CASE e.number
        WHEN 50105 THEN N'The vector in dbo.pooled_features does not match its SHA-256. Call GenerateFeatures with @Recompute = 1.'
        WHEN 50373 THEN N'Its features are others now than those that were scored. Score it again with PredictPatients.'
        ELSE CONCAT(N'Its features are not stored', IIF(@Calls IS NULL, N'. Load the columns that it reads, or call PoolFeatures or ScoreNodules.',
            N'. Make them again: ' + @Calls)) END
    FROM (
        SELECT p.prediction_id, CASE
            WHEN v.vector IS NULL OR COALESCE(r.parts, 0) < @Wanted THEN 50374
            WHEN v.vector_sha256 IS NULL OR v.vector_sha256 <> HASHBYTES('SHA2_256', CONVERT(VARBINARY(MAX), v.vector)) THEN 50105
            WHEN p.vector_sha256 <> v.vector_sha256 THEN 50373 END AS number
        FROM #asked AS a
        INNER JOIN dbo.predictions AS p ON p.prediction_id = a.prediction_id
        LEFT JOIN dbo.pooled_features AS v ON v.scan_id = a.scan_id AND v.feature_set_id = @FeatureSetId AND v.pooling = @Pooling
        LEFT JOIN #arrays AS r ON r.scan_id = a.scan_id) AS e
    WHERE e.number IS NOT NULL;

    INSERT INTO #todo (prediction_id, scan_id, bytes, vector_sha256, array_sha256)
    SELECT a.prediction_id, a.scan_id, DATALENGTH(v.vector) + COALESCE(r.bytes, 0), v.vector_sha256, r.sha256
    FROM #asked AS a
    INNER JOIN dbo.pooled_features AS v ON v.scan_id = a.scan_id AND v.feature_set_id = @FeatureSetId AND v.pooling = @Pooling
    LEFT JOIN #arrays AS r ON r.scan_id = a.scan_id
    WHERE a.prediction_id NOT IN (SELECT prediction_id FROM #failed) AND (@Recompute = 1 OR NOT EXISTS (
        SELECT 1 FROM dbo.score_explanations AS e
        WHERE e.prediction_id = a.prediction_id AND e.seed = @Seed AND e.permutations = @Permutations
            AND e.vector_sha256 = v.vector_sha256 AND COALESCE(e.array_sha256, 0x) = COALESCE(r.sha256, 0x)
            AND (@Features = 0 OR EXISTS (SELECT 1 FROM dbo.score_contributions AS k WHERE k.prediction_id = a.prediction_id))));
END;
