-- ClusterDataset: parts the scans of a data set into clusters of like features, each around the scan that represents it best.
-- Example: EXECUTE dbo.ClusterDataset @Dataset = N'thin slices', @Clusters = 4;
CREATE OR ALTER PROCEDURE dbo.ClusterDataset
    @Dataset NVARCHAR(128) = NULL,              -- data set of scans, see CreateDataset; NULL means the primary scans of all patients
    @DatasetVersion INT = NULL,                 -- its version; NULL means the newest
    @Features NVARCHAR(MAX) = NULL,             -- features with semicolons between; NULL means those of @ModelName
    @Pooling NVARCHAR(32) = NULL,               -- pooling where several would do
    @ModelName NVARCHAR(128) = N'lightgbm_sql', -- model whose features are meant where @Features is NULL
    @Clusters INT = NULL,                       -- number of clusters; NULL chooses 2 to 10 by the largest mean silhouette
    @Seed INT = 20170401,                       -- of the random starts, 0 to 2147483647
    @Help BIT = 0                               -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.ClusterDataset parts scans into clusters by k-medoids on standardised features. The first result set has a row a scan:
cluster (1 is the largest), whether it is the medoid, which is the scan nearest to all of its cluster, and its distance to the medoid
in standard deviations (root mean square over the features). The second has a row a cluster. A missing value counts as the mean.
The same input and seed give the same clusters. Scans without these features are left out and counted in a message.
Parameters:
    @Dataset NVARCHAR(128) = NULL               data set of scans, see CreateDataset; NULL means the primary scans of all patients
    @DatasetVersion INT = NULL                  its version; NULL means the newest
    @Features NVARCHAR(MAX) = NULL              features with semicolons between; NULL means those of @ModelName
    @Pooling NVARCHAR(32) = NULL                pooling where several would do
    @ModelName NVARCHAR(128) = N''lightgbm_sql''  model whose features are meant where @Features is NULL
    @Clusters INT = NULL                        number of clusters; NULL chooses 2 to 10 by the largest mean silhouette
    @Seed INT = 20170401                        of the random starts, 0 to 2147483647
    @Help BIT = 0                               1 prints this help and does nothing else
Examples:
    EXECUTE dbo.ClusterDataset @Dataset = N''thin slices'', @Clusters = 4;
    EXECUTE dbo.ClusterDataset @Features = N''mean; max'';';
        RETURN 0;
    END;

    DECLARE @DatasetVersionId INT, @Silhouette FLOAT, @Without INT;
    CREATE TABLE #wanted (scan_id INT NOT NULL PRIMARY KEY);
    CREATE TABLE #space (scan_id INT NOT NULL PRIMARY KEY, vector NVARCHAR(MAX) COLLATE DATABASE_DEFAULT NOT NULL);
    CREATE TABLE #named (first_index INT NOT NULL, width INT NOT NULL, name NVARCHAR(700) COLLATE DATABASE_DEFAULT NOT NULL);
    CREATE TABLE #clustered (scan_id INT NOT NULL PRIMARY KEY, is_clustered INT NOT NULL);
    CREATE TABLE #clusters (scan_id INT NULL, cluster INT NULL, role INT NULL, distance FLOAT NULL);
    EXECUTE internal.CheckClusterArguments @Clusters, @Seed;
    EXECUTE internal.FindScansOfDataset @Dataset, @DatasetVersion, @DatasetVersionId OUTPUT;
    INSERT INTO #wanted (scan_id)
    SELECT scan_id FROM dbo.scans WHERE is_primary = 1 AND @DatasetVersionId IS NULL
    UNION
    SELECT scan_id FROM dbo.dataset_members WHERE dataset_version_id = @DatasetVersionId;
    EXECUTE internal.TakeSpace @ModelName, @Features, @Pooling;
    DECLARE @RunId INT, @Arguments NVARCHAR(4000) = JSON_MODIFY(JSON_MODIFY(JSON_MODIFY(JSON_MODIFY(JSON_MODIFY(N'{}', N'$.dataset',
        @Dataset), N'$.version', @DatasetVersion), N'$.model', @ModelName), N'$.pooling', @Pooling), N'$.clusters', @Clusters);
    EXECUTE internal.StartRun N'ClusterDataset', @RunId OUTPUT, @Arguments;
    INSERT INTO #clustered (scan_id, is_clustered)
    SELECT scan_id, 1 FROM #space;
    EXECUTE internal.ClusterScans @Clusters, @Seed, 0, @Silhouette OUTPUT, @RunId;

    SET @Without = (SELECT COUNT(*) FROM #wanted WHERE scan_id NOT IN (SELECT scan_id FROM #space));
    IF @Without > 0
        RAISERROR(N'Left out: %d scans without these features.', 0, 1, @Without) WITH NOWAIT;
    SELECT @Without = COUNT(*) FROM #clusters;
    EXECUTE internal.EndRun @RunId, @Scans = @Without;
    SELECT p.idx AS patient_index, c.scan_id, c.cluster, CAST(c.role AS BIT) AS is_medoid, c.distance
    FROM #clusters AS c
    INNER JOIN dbo.scans AS s ON s.scan_id = c.scan_id
    INNER JOIN dbo.patients AS p ON p.patient_id = s.patient_id
    ORDER BY c.cluster, c.distance, c.scan_id;
    SELECT c.cluster, COUNT(*) AS scans, COUNT(DISTINCT s.patient_id) AS patients,
        MAX(CASE c.role WHEN 1 THEN c.scan_id END) AS medoid_scan_id,
        AVG(c.distance) AS mean_distance, MAX(c.distance) AS largest_distance, NULLIF(@Silhouette, 0) AS mean_silhouette
    FROM #clusters AS c
    INNER JOIN dbo.scans AS s ON s.scan_id = c.scan_id
    GROUP BY c.cluster
    ORDER BY c.cluster;
END;
