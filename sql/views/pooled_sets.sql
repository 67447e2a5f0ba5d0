-- The feature sets and poolings that there are vectors of, how many numbers such a vector has, and a name:
-- network/layer/preprocessing/pooling, or what a combined set is called.
CREATE OR ALTER VIEW dbo.pooled_sets
AS
SELECT
    f.feature_set_id,
    k.pooling,
    IIF(k.pooling = N'top5', 5, f.width * k.times) AS width,
    n.name AS network,
    f.layer,
    f.preprocessing,
    CASE WHEN f.network_id IS NULL THEN f.layer ELSE CONCAT(n.name, N'/', f.layer, N'/', f.preprocessing, N'/', k.pooling) END AS name
FROM dbo.feature_sets AS f
LEFT JOIN dbo.networks AS n ON n.network_id = f.network_id
CROSS JOIN dbo.poolings AS k
WHERE EXISTS (SELECT 1 FROM dbo.pooled_features AS p WHERE p.feature_set_id = f.feature_set_id AND p.pooling = k.pooling);
