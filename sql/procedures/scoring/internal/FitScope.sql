-- FitScope: fills #scope and #scope_features with what a model knows: what the scans of its training patients are like.
-- The distance of a scan is the mean over its features of ((x - mean) / sd) squared, each counted up to 100, which a feature that all
-- training patients have alike counts when it is another. How far is far is taken from the training patients themselves, each measured by
-- the mean and sd of the others: 99 in 100 of them are nearer, or all where there are fewer. Of a patient's scans the first counts.
-- Called by TrainModel, CreateEnsemble and StoreClassifier, whose table #taught it reads, of scans that the model has learnt from and such
-- as were held out, and whose tables #scope and #scope_features it fills.
CREATE OR ALTER PROCEDURE internal.FitScope
    @FeatureSetId INT,      -- feature set that the model reads
    @Pooling NVARCHAR(32)   -- pooling that it reads
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Scans INT, @Least FLOAT = CAST(N'1e-12' AS FLOAT), @Most FLOAT = 100, @Near FLOAT = CAST(N'1e-10' AS FLOAT);
    CREATE TABLE #known (
        scan_id INT NOT NULL PRIMARY KEY, thickness FLOAT NULL, coverage FLOAT NULL, contrast NVARCHAR(64) COLLATE DATABASE_DEFAULT NULL,
        kernel NVARCHAR(64) COLLATE DATABASE_DEFAULT NULL);
    CREATE TABLE #values (scan_id INT NOT NULL, feature_index INT NOT NULL, x FLOAT NOT NULL);
    CREATE TABLE #means (feature_index INT NOT NULL PRIMARY KEY, scans FLOAT NOT NULL, mean FLOAT NOT NULL, variance FLOAT NULL);
    CREATE TABLE #distances (scan_id INT NOT NULL PRIMARY KEY, distance FLOAT NOT NULL);

    INSERT INTO #known (scan_id, thickness, coverage, contrast, kernel)
    SELECT s.scan_id, s.thickness, s.coverage, s.contrast, s.kernel
    FROM dbo.scan_scope AS s
    INNER JOIN #taught AS t ON t.scan_id = s.scan_id
    WHERE t.is_held_out = 0;
    INSERT INTO #scope (item, position, low, high, scans)
    SELECT 'thickness', 0, MIN(thickness), MAX(thickness), COUNT(thickness) FROM #known WHERE thickness IS NOT NULL HAVING COUNT(*) > 0
    UNION ALL
    SELECT 'coverage', 0, MIN(coverage), MAX(coverage), COUNT(coverage) FROM #known WHERE coverage IS NOT NULL HAVING COUNT(*) > 0;
    INSERT INTO #scope (item, position, text, scans)
    SELECT 'contrast', ROW_NUMBER() OVER (ORDER BY k.contrast) - 1, k.contrast, k.scans
    FROM (SELECT contrast, COUNT(*) AS scans FROM #known WHERE contrast IS NOT NULL GROUP BY contrast) AS k;
    INSERT INTO #scope (item, position, text, scans)
    SELECT 'kernel', ROW_NUMBER() OVER (ORDER BY k.kernel) - 1, k.kernel, k.scans
    FROM (SELECT kernel, COUNT(*) AS scans FROM #known WHERE kernel IS NOT NULL GROUP BY kernel) AS k;

    INSERT INTO #values (scan_id, feature_index, x)
    SELECT f.scan_id, CAST(v.[key] AS INT), CAST(v.[value] AS FLOAT)
    FROM (SELECT MIN(scan_id) AS scan_id FROM #taught WHERE is_held_out = 0 GROUP BY patient_id) AS t
    INNER JOIN dbo.pooled_features AS f ON f.scan_id = t.scan_id
    CROSS APPLY OPENJSON(f.vector) AS v
    WHERE f.feature_set_id = @FeatureSetId AND f.pooling = @Pooling AND v.[type] = 2;
    INSERT INTO #means (feature_index, scans, mean)
    SELECT feature_index, COUNT(*), AVG(x) FROM #values GROUP BY feature_index;
    UPDATE m
    SET m.variance = CASE WHEN q.variance <= @Least * m.mean * m.mean THEN 0 ELSE q.variance END
    FROM #means AS m
    INNER JOIN (
        SELECT v.feature_index, AVG((v.x - a.mean) * (v.x - a.mean)) AS variance
        FROM #values AS v
        INNER JOIN #means AS a ON a.feature_index = v.feature_index
        GROUP BY v.feature_index) AS q ON q.feature_index = m.feature_index;
    INSERT INTO #scope_features (feature_index, mean, sd)
    SELECT feature_index, mean, SQRT(variance) FROM #means;

    -- Without the patient himself z squared becomes n z² / (n - 1 - z²); it has no end where the others are all alike.
    INSERT INTO #distances (scan_id, distance)
    SELECT z.scan_id, AVG(CASE
        WHEN z.z2 = 0 THEN 0
        WHEN z.z2 >= (z.scans - 1) * (1 - @Near) OR z.scans * z.z2 > @Most * (z.scans - 1 - z.z2) THEN @Most
        ELSE z.scans * z.z2 / (z.scans - 1 - z.z2) END)
    FROM (
        SELECT v.scan_id, m.scans, CASE WHEN m.variance = 0 THEN 0 ELSE (v.x - m.mean) * (v.x - m.mean) / m.variance END AS z2
        FROM #values AS v
        INNER JOIN #means AS m ON m.feature_index = v.feature_index) AS z
    GROUP BY z.scan_id;
    SET @Scans = (SELECT COUNT(*) FROM #distances);
    INSERT INTO #scope (item, position, high, scans)
    SELECT 'distance', 0, MAX(d.distance), @Scans
    FROM (SELECT TOP ((99 * @Scans + 99) / 100) distance FROM #distances ORDER BY distance) AS d
    HAVING COUNT(*) > 0;
END;
