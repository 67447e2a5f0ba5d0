-- How many numbers a pooling makes of a feature; lungdb.learning.pooling makes them, or a package that RegisterExtensions has found.
CREATE OR ALTER VIEW dbo.poolings
AS
SELECT k.pooling, k.times
FROM (
    VALUES (N'mean', 1), (N'max', 1), (N'mean_max_std', 3), (N'pca1', 1), (N'thirds', 3), (N'top5', 1), (N'combined', 1)
) AS k (pooling, times)
UNION ALL
SELECT e.name, e.times
FROM dbo.extensions AS e
WHERE e.kind = 'pooling';
