-- NameDriftedFeatures: names the features in #items that a model reads: the column, or the layer, its network and the place in the layer.
-- Where parts of combined features have that in common, what tells them apart follows in brackets.
-- Called by StoreDrift, whose table #names it fills; #items is that of CheckDrift.
CREATE OR ALTER PROCEDURE internal.NameDriftedFeatures
    @ClassifierId INT -- the model
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    CREATE TABLE #parts (
        first_index INT NOT NULL PRIMARY KEY, width INT NOT NULL, layer_width INT NOT NULL, times INT NOT NULL,
        name NVARCHAR(500) COLLATE DATABASE_DEFAULT NOT NULL, more NVARCHAR(300) COLLATE DATABASE_DEFAULT NOT NULL,
        pooling NVARCHAR(32) COLLATE DATABASE_DEFAULT NULL, alike INT NOT NULL);
    INSERT INTO #parts (first_index, width, layer_width, times, name, more, pooling, alike)
    SELECT q.first_index, q.width, q.layer_width, q.times, q.name, q.more, q.pooling, COUNT(*) OVER (PARTITION BY q.name)
    FROM (
        SELECT p.first_index, p.width, 1 AS layer_width, 1 AS times, CONCAT(N'column ', p.column_name) AS name,
            CONCAT(N'of ', p.source) AS more, CAST(NULL AS NVARCHAR(32)) AS pooling
        FROM dbo.classifiers AS c
        INNER JOIN dbo.feature_parts AS p ON p.feature_set_id = c.feature_set_id
        WHERE c.classifier_id = @ClassifierId AND p.column_name IS NOT NULL
        UNION ALL
        SELECT r.first_index, COALESCE(k.width, f.width * k.times), COALESCE(k.width, f.width), k.times,
            CONCAT(N'layer ', f.layer, N' of ', n.name),
            CONCAT(N'version ', n.version, N', ', f.preprocessing, N', ', r.pooling), r.pooling
        FROM (
            SELECT c.feature_set_id, c.pooling, 0 AS first_index
            FROM dbo.classifiers AS c
            WHERE c.classifier_id = @ClassifierId
            UNION ALL
            SELECT p.part_feature_set_id, p.pooling, p.first_index
            FROM dbo.classifiers AS c
            INNER JOIN dbo.feature_parts AS p ON p.feature_set_id = c.feature_set_id
            WHERE c.classifier_id = @ClassifierId AND p.part_feature_set_id IS NOT NULL) AS r
        INNER JOIN dbo.feature_sets AS f ON f.feature_set_id = r.feature_set_id
        INNER JOIN dbo.networks AS n ON n.network_id = f.network_id
        INNER JOIN dbo.poolings AS k ON k.pooling = r.pooling) AS q;

    INSERT INTO #names (feature_index, name)
    SELECT i.feature_index, CONCAT(p.name,
        IIF(p.pooling IS NULL, N'', CONCAT(N', feature ', (i.feature_index - p.first_index) % p.layer_width)),
        CASE
            WHEN p.alike > 1 AND p.times > 1 THEN
                CONCAT(N' (', p.more, N', ', (i.feature_index - p.first_index) / p.layer_width + 1, N' of ', p.times, N')')
            WHEN p.alike > 1 THEN CONCAT(N' (', p.more, N')')
            WHEN p.times > 1 THEN
                CONCAT(N' (', p.pooling, N', ', (i.feature_index - p.first_index) / p.layer_width + 1, N' of ', p.times, N')')
            ELSE N'' END)
    FROM #items AS i
    INNER JOIN #parts AS p ON i.feature_index BETWEEN p.first_index AND p.first_index + p.width - 1
    WHERE i.kind = 'feature';
END;
