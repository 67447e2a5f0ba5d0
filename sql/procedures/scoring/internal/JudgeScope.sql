-- JudgeScope: says of the scans in #judged whether they stand outside what a version knows, and in what, in one sentence. A length is
-- outside when it is a tenth shorter or longer than any of the training patients'; contrast and kernel, when none of them had that;
-- features, when they are farther than dbo.model_scope has it. What is not known of a scan is not outside, and is named.
-- A version without rows in dbo.model_scope judges nothing, and the sentence says why.
-- Called by StorePredictions and StoreScope, whose table #judged it fills.
CREATE OR ALTER PROCEDURE internal.JudgeScope
    @ClassifierId INT -- the version
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @FeatureSetId INT, @Pooling NVARCHAR(32), @Shorter FLOAT = 0.9, @Longer FLOAT = 1.1, @Most FLOAT = 100,
        @Same FLOAT = CAST(N'1e-6' AS FLOAT), @IsImported BIT;
    SELECT @FeatureSetId = feature_set_id, @Pooling = pooling,
        @IsImported = CASE WHEN JSON_VALUE(details, N'$.origin.kind') = N'imported' THEN 1 ELSE 0 END
    FROM dbo.classifiers
    WHERE classifier_id = @ClassifierId;
    IF NOT EXISTS (SELECT 1 FROM dbo.model_scope WHERE classifier_id = @ClassifierId)
    BEGIN
        UPDATE #judged
        SET scope_reason = CASE @IsImported
            WHEN 1 THEN N'Not judged: the model was made elsewhere, and what it was trained on is not known.'
            ELSE N'Not judged: what the scans that the model was trained on are like is not recorded.' END;
        RETURN 0;
    END;
    CREATE TABLE #found (
        scan_id INT NOT NULL, place INT NOT NULL, is_outside BIT NOT NULL, said NVARCHAR(200) COLLATE DATABASE_DEFAULT NOT NULL);

    INSERT INTO #found (scan_id, place, is_outside, said)
    SELECT j.scan_id, 1, IIF(s.thickness IS NULL, 0, 1), CONCAT(N'slice thickness', N' ' + LTRIM(STR(s.thickness, 12, 2)) + N' mm ('
        + LTRIM(STR(m.low, 12, 2)) + N' to ' + LTRIM(STR(m.high, 12, 2)) + N')')
    FROM #judged AS j
    INNER JOIN dbo.scan_scope AS s ON s.scan_id = j.scan_id
    INNER JOIN dbo.model_scope AS m ON m.classifier_id = @ClassifierId AND m.item = 'thickness'
    WHERE s.thickness IS NULL OR s.thickness < @Shorter * m.low OR s.thickness > @Longer * m.high;
    INSERT INTO #found (scan_id, place, is_outside, said)
    SELECT j.scan_id, 2, IIF(s.coverage IS NULL, 0, 1), CONCAT(N'coverage', N' ' + LTRIM(STR(s.coverage, 12, 0)) + N' mm ('
        + LTRIM(STR(m.low, 12, 0)) + N' to ' + LTRIM(STR(m.high, 12, 0)) + N')')
    FROM #judged AS j
    INNER JOIN dbo.scan_scope AS s ON s.scan_id = j.scan_id
    INNER JOIN dbo.model_scope AS m ON m.classifier_id = @ClassifierId AND m.item = 'coverage'
    WHERE s.coverage IS NULL OR s.coverage < @Shorter * m.low OR s.coverage > @Longer * m.high;
    INSERT INTO #found (scan_id, place, is_outside, said)
    SELECT j.scan_id, 3, IIF(s.contrast IS NULL, 0, 1), COALESCE(s.contrast + N' (no such scan)', N'contrast')
    FROM #judged AS j
    INNER JOIN dbo.scan_scope AS s ON s.scan_id = j.scan_id
    WHERE EXISTS (SELECT 1 FROM dbo.model_scope AS m WHERE m.classifier_id = @ClassifierId AND m.item = 'contrast')
        AND NOT EXISTS (
            SELECT 1 FROM dbo.model_scope AS m WHERE m.classifier_id = @ClassifierId AND m.item = 'contrast' AND m.text = s.contrast);
    INSERT INTO #found (scan_id, place, is_outside, said)
    SELECT j.scan_id, 4, IIF(s.kernel IS NULL, 0, 1), CONCAT(N'kernel', N' ' + s.kernel + N' (not among ' + CAST((
        SELECT COUNT(*) FROM dbo.model_scope AS m WHERE m.classifier_id = @ClassifierId AND m.item = 'kernel') AS NVARCHAR(12)) + N')')
    FROM #judged AS j
    INNER JOIN dbo.scan_scope AS s ON s.scan_id = j.scan_id
    WHERE EXISTS (SELECT 1 FROM dbo.model_scope AS m WHERE m.classifier_id = @ClassifierId AND m.item = 'kernel')
        AND NOT EXISTS (
            SELECT 1 FROM dbo.model_scope AS m WHERE m.classifier_id = @ClassifierId AND m.item = 'kernel' AND m.text = s.kernel);
    INSERT INTO #found (scan_id, place, is_outside, said)
    SELECT d.scan_id, 5, 1,
        CONCAT(N'features at a distance of ', LTRIM(STR(d.distance, 12, 2)), N' (up to ', LTRIM(STR(m.high, 12, 2)), N')')
    FROM (
        SELECT n.scan_id, AVG(CASE
            WHEN n.sd = 0 AND ABS(n.difference) <= @Same * (1 + ABS(n.mean)) THEN 0
            WHEN n.sd = 0 OR ABS(n.difference) > 10 * n.sd THEN @Most
            ELSE n.difference / n.sd * (n.difference / n.sd) END) AS distance
        FROM (
            SELECT j.scan_id, CAST(v.[value] AS FLOAT) - s.mean AS difference, s.mean, s.sd
            FROM #judged AS j
            INNER JOIN dbo.pooled_features AS f ON f.scan_id = j.scan_id
            CROSS APPLY OPENJSON(f.vector) AS v
            INNER JOIN dbo.model_scope_features AS s ON s.classifier_id = @ClassifierId AND s.feature_index = CAST(v.[key] AS INT)
            WHERE f.feature_set_id = @FeatureSetId AND f.pooling = @Pooling AND v.[type] = 2) AS n
        GROUP BY n.scan_id) AS d
    INNER JOIN dbo.model_scope AS m ON m.classifier_id = @ClassifierId AND m.item = 'distance'
    WHERE d.distance > m.high;

    UPDATE j
    SET j.scope = IIF(o.said IS NULL, 'inside', 'outside'),
        j.scope_reason = NULLIF(LEFT(CONCAT(N'Outside what the model was trained on: ' + o.said + N'.',
            IIF(o.said IS NOT NULL AND u.said IS NOT NULL, N' ', N''), N'Not known of the scan: ' + u.said + N'.'), 400), N'')
    FROM #judged AS j
    LEFT JOIN (
        SELECT scan_id, STRING_AGG(said, N', ') WITHIN GROUP (ORDER BY place) AS said FROM #found WHERE is_outside = 1 GROUP BY scan_id
    ) AS o ON o.scan_id = j.scan_id
    LEFT JOIN (
        SELECT scan_id, STRING_AGG(said, N', ') WITHIN GROUP (ORDER BY place) AS said FROM #found WHERE is_outside = 0 GROUP BY scan_id
    ) AS u ON u.scan_id = j.scan_id;
END;
