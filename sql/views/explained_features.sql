-- What each feature added to a score, with its name: network, layer and preprocessing, what pooling made of it, and its number in the
-- layer; of a column its name. The row whose feature is NULL is the expected margin. member is 0, of an ensemble 1 and up.
CREATE OR ALTER VIEW dbo.explained_features
AS
SELECT
    k.prediction_id,
    k.member,
    k.feature,
    CASE
        WHEN k.feature IS NULL THEN N'expected margin'
        WHEN q.column_name IS NOT NULL THEN q.column_name
        ELSE CONCAT(n.name, N'/', f.layer, N'/', f.preprocessing, N' ', CASE
            WHEN COALESCE(q.pooling, c.pooling) = N'thirds'
                THEN CHOOSE((k.feature - COALESCE(q.first_index, 0)) / f.width + 1, N'lower third', N'middle third', N'upper third')
            WHEN COALESCE(q.pooling, c.pooling) = N'mean_max_std'
                THEN CHOOSE((k.feature - COALESCE(q.first_index, 0)) / f.width + 1, N'mean', N'max', N'std')
            WHEN t.width IS NULL AND COALESCE(q.width / f.width, t.times) > 1
                THEN CONCAT(COALESCE(q.pooling, c.pooling), N' part ', (k.feature - COALESCE(q.first_index, 0)) / f.width + 1)
            ELSE COALESCE(q.pooling, c.pooling) END, N' ',
            (k.feature - COALESCE(q.first_index, 0)) % COALESCE(t.width, f.width)) END AS name,
    k.feature_value,
    k.contribution,
    k.standard_error
FROM dbo.score_contributions AS k
INNER JOIN dbo.predictions AS r ON r.prediction_id = k.prediction_id
INNER JOIN dbo.classifiers AS c ON c.classifier_id = r.classifier_id
LEFT JOIN dbo.feature_parts AS q ON q.feature_set_id = c.feature_set_id AND k.feature >= q.first_index
    AND k.feature < q.first_index + q.width
LEFT JOIN dbo.feature_sets AS f ON f.feature_set_id = COALESCE(q.part_feature_set_id, c.feature_set_id)
LEFT JOIN dbo.networks AS n ON n.network_id = f.network_id
LEFT JOIN dbo.poolings AS t ON t.pooling = COALESCE(q.pooling, c.pooling);
