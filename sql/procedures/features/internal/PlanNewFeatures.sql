-- PlanNewFeatures: fills #feature_calls with the layers, preprocessings and poolings of networks that the models in #served read; without
-- such a model with what GenerateFeatures makes of the setting default_network unless told otherwise. Features of later stages are not
-- among them, but what their detectors find is.
-- Called by GenerateNewFeatures and QueueNewFeatures, whose tables #served and #served_sets it reads and #feature_calls it fills.
CREATE OR ALTER PROCEDURE internal.PlanNewFeatures
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Added INT;
    INSERT INTO #served_sets (feature_set_id, pooling)
    SELECT DISTINCT c.feature_set_id, c.pooling
    FROM #served AS s
    INNER JOIN dbo.classifiers AS c ON c.classifier_id = s.classifier_id;
    SET @Added = @@ROWCOUNT;
    WHILE @Added > 0
    BEGIN
        INSERT INTO #served_sets (feature_set_id, pooling)
        SELECT DISTINCT p.part_feature_set_id, p.pooling
        FROM #served_sets AS w
        INNER JOIN dbo.feature_parts AS p ON p.feature_set_id = w.feature_set_id AND p.part_feature_set_id IS NOT NULL
        WHERE w.pooling = N'combined' AND NOT EXISTS (
            SELECT 1 FROM #served_sets AS k WHERE k.feature_set_id = p.part_feature_set_id AND k.pooling = p.pooling);
        SET @Added = @@ROWCOUNT;
    END;

    -- Later stages look at what a detector has found, which their layers name first.
    INSERT INTO #served_sets (feature_set_id, pooling)
    SELECT DISTINCT d.feature_set_id, N'top5'
    FROM (
        SELECT g.feature_set_id, CONCAT(N'nodules:', n.name, N' ' + CAST(NULLIF(n.version, 1) AS NVARCHAR(12)),
            N'/' + NULLIF(g.preprocessing, N'volume'), N':') AS start
        FROM dbo.feature_sets AS g
        INNER JOIN dbo.networks AS n ON n.network_id = g.network_id
        WHERE g.layer = N'nodules') AS d
    INNER JOIN dbo.feature_sets AS f ON LEFT(CONCAT(f.layer, N':'), LEN(d.start)) = d.start
    INNER JOIN #served_sets AS w ON w.feature_set_id = f.feature_set_id
    WHERE NOT EXISTS (SELECT 1 FROM #served_sets AS k WHERE k.feature_set_id = d.feature_set_id AND k.pooling = N'top5');
    -- What a network pools is pooled of features that any pooling brings along.
    INSERT INTO #served_sets (feature_set_id, pooling)
    SELECT DISTINCT w.feature_set_id, COALESCE((
            SELECT TOP (1) p.pooling
            FROM dbo.pooled_features AS p
            INNER JOIN dbo.poolings AS o ON o.pooling = p.pooling AND o.network_id IS NULL
            WHERE p.feature_set_id = w.feature_set_id
            ORDER BY CASE p.pooling WHEN N'mean' THEN 0 ELSE 1 END, p.pooling), N'mean')
    FROM #served_sets AS w
    INNER JOIN dbo.poolings AS k ON k.pooling = w.pooling AND k.network_id IS NOT NULL
    WHERE NOT EXISTS (
        SELECT 1 FROM #served_sets AS o
        INNER JOIN dbo.poolings AS q ON q.pooling = o.pooling AND q.network_id IS NULL
        WHERE o.feature_set_id = w.feature_set_id);
    -- One call takes several poolings of a layer, as long as their names fit its argument.
    INSERT INTO #feature_calls (network_id, preprocessing, layer, poolings)
    SELECT f.network_id, f.preprocessing, f.layer, STRING_AGG(CAST(w.pooling AS NVARCHAR(MAX)), N',') WITHIN GROUP (ORDER BY w.pooling)
    FROM #served_sets AS w
    INNER JOIN dbo.feature_sets AS f ON f.feature_set_id = w.feature_set_id
    WHERE f.network_id IS NOT NULL AND f.layer NOT LIKE N'nodules:%'
        AND w.pooling NOT IN (SELECT pooling FROM dbo.poolings WHERE network_id IS NOT NULL)
    GROUP BY f.network_id, f.preprocessing, f.layer
    HAVING SUM(LEN(w.pooling) + 1) <= 128;
    INSERT INTO #feature_calls (network_id, preprocessing, layer, poolings)
    SELECT f.network_id, f.preprocessing, f.layer, w.pooling
    FROM #served_sets AS w
    INNER JOIN dbo.feature_sets AS f ON f.feature_set_id = w.feature_set_id
    WHERE f.network_id IS NOT NULL AND f.layer NOT LIKE N'nodules:%'
        AND w.pooling NOT IN (SELECT pooling FROM dbo.poolings WHERE network_id IS NOT NULL) AND NOT EXISTS (
        SELECT 1 FROM #feature_calls AS c
        WHERE c.network_id = f.network_id AND c.preprocessing = f.preprocessing AND c.layer = f.layer
            AND CONCAT(N',', c.poolings, N',') LIKE CONCAT(N'%,', w.pooling, N',%'));
    IF NOT EXISTS (SELECT 1 FROM #served)
        INSERT INTO #feature_calls (network_id, preprocessing, layer, poolings)
        SELECT TOP (1) n.network_id, IIF(JSON_VALUE(n.details, N'$.input.dimensions') = N'3', N'volume', N'lung'),
            IIF(COALESCE(JSON_VALUE(n.details, N'$.output.form'), N'probability') = N'probability', N'penultimate', N'nodules'),
            IIF(COALESCE(JSON_VALUE(n.details, N'$.output.form'), N'probability') = N'probability', N'mean', N'top5')
        FROM dbo.networks AS n
        INNER JOIN dbo.settings AS s ON s.name = N'default_network' AND s.value = n.name
        ORDER BY n.version DESC;
END;
