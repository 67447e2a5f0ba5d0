-- How many numbers a pooling makes: so many of a feature, or a width of its own; lungdb.learning.pooling makes them, a package that
-- RegisterExtensions has found, or for PoolFeatures a network that pools, which is called by its name, a colon and its version.
CREATE OR ALTER VIEW dbo.poolings
AS
SELECT k.pooling, k.times, CAST(k.width AS INT) AS width, CAST(NULL AS INT) AS network_id
FROM (
    VALUES (N'mean', 1, NULL), (N'max', 1, NULL), (N'mean_max_std', 3, NULL), (N'pca1', 1, NULL), (N'thirds', 3, NULL), (N'top5', 1, 5),
        (N'combined', 1, NULL)
) AS k (pooling, times, width)
UNION ALL
SELECT e.name, e.times, CAST(NULL AS INT), CAST(NULL AS INT)
FROM dbo.extensions AS e
WHERE e.kind = 'pooling'
UNION ALL
SELECT CAST(CONCAT(n.name, N':', n.version) AS NVARCHAR(32)), 1, CAST(JSON_VALUE(n.details, N'$.width') AS INT), n.network_id
FROM dbo.networks AS n
WHERE n.library = N'pooling';
