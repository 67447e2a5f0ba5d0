-- WrongRepresentatives: what WrongCases lists, and of its clusters the patients that represent them, with the nearest right ones beside.
-- Example: EXECUTE dbo.WrongRepresentatives @ModelName = N'lightgbm_sql', @Threshold = 40;
CREATE OR ALTER PROCEDURE dbo.WrongRepresentatives
    @ModelName NVARCHAR(128) = N'lightgbm_sql', -- name of a model in dbo.classifiers
    @Threshold FLOAT = 50,                      -- percent from which a score counts as cancer, 0 to 100
    @Version INT = NULL,                        -- version of the model; NULL means the one served, see dbo.model_status
    @Clusters INT = NULL,                       -- clusters of the wrong ones; NULL chooses 2 to 10 by the largest mean silhouette
    @Beside INT = 3,                            -- right ones beside each representative, the nearest, 0 to 1000
    @Seed INT = 20170401,                       -- of the random starts, 0 to 2147483647
    @Help BIT = 0                               -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.WrongRepresentatives gives first what dbo.WrongCases gives: the test patients on the wrong side of a threshold. The
second result set has of each cluster of them, by k-medoids on the standardised features that the model reads, the patient who
represents it, and beside it the patients on the right side whose features are nearest. distance is to the representative, in standard
deviations (root mean square over the features). Patients whose scan or features are no longer there are left out of the second.
It is a procedure beside WrongCases because that needs no Python. This is a look at the test patients, counted in dbo.test_looks.
Parameters:
    @ModelName NVARCHAR(128) = N''lightgbm_sql''  name of a model in dbo.classifiers
    @Threshold FLOAT = 50                       percent from which a score counts as cancer, 0 to 100
    @Version INT = NULL                         version of the model; NULL means the one served, see dbo.model_status
    @Clusters INT = NULL                        clusters of the wrong ones; NULL chooses 2 to 10 by the largest mean silhouette
    @Beside INT = 3                             right ones beside each representative, the nearest, 0 to 1000
    @Seed INT = 20170401                        of the random starts, 0 to 2147483647
    @Help BIT = 0                               1 prints this help and does nothing else
Example:
    EXECUTE dbo.WrongRepresentatives @ModelName = N''lightgbm_sql'', @Threshold = 40;';
        RETURN 0;
    END;

    DECLARE @ClassifierId INT, @FeatureSetId INT, @Pooling NVARCHAR(32), @Silhouette FLOAT;
    CREATE TABLE #wanted (scan_id INT NOT NULL PRIMARY KEY);
    CREATE TABLE #space (scan_id INT NOT NULL PRIMARY KEY, vector NVARCHAR(MAX) COLLATE DATABASE_DEFAULT NOT NULL);
    CREATE TABLE #named (first_index INT NOT NULL, width INT NOT NULL, name NVARCHAR(700) COLLATE DATABASE_DEFAULT NOT NULL);
    CREATE TABLE #clustered (scan_id INT NOT NULL PRIMARY KEY, is_clustered INT NOT NULL);
    CREATE TABLE #clusters (scan_id INT NULL, cluster INT NULL, role INT NULL, distance FLOAT NULL);
    CREATE TABLE #told (
        scan_id INT NOT NULL PRIMARY KEY, patient_index INT NOT NULL, label INT NOT NULL, probability FLOAT NOT NULL,
        is_wrong INT NOT NULL);
    EXECUTE internal.CheckClusterArguments @Clusters, @Seed, @Beside;
    EXECUTE dbo.WrongCases @ModelName, @Threshold, @Version;

    EXECUTE internal.FindClassifier @ModelName, @Version, @ClassifierId OUTPUT;
    SELECT @FeatureSetId = feature_set_id, @Pooling = pooling FROM dbo.classifiers WHERE classifier_id = @ClassifierId;
    INSERT INTO #told (scan_id, patient_index, label, probability, is_wrong)
    SELECT s.scan_id, p.idx, CAST(t.label AS INT), t.probability, IIF(t.label <> IIF(100 * t.probability >= @Threshold, 1, 0), 1, 0)
    FROM dbo.test_scores AS t
    INNER JOIN dbo.patients AS p ON p.patient_id = t.patient_id
    INNER JOIN dbo.scans AS s ON s.patient_id = t.patient_id AND s.scan_id = COALESCE(t.scan_id, (
        SELECT q.scan_id FROM dbo.scans AS q WHERE q.patient_id = t.patient_id AND q.is_primary = 1))
    WHERE t.experiment_id = (SELECT MAX(experiment_id) FROM dbo.experiments WHERE classifier_id = @ClassifierId);
    INSERT INTO #wanted (scan_id)
    SELECT scan_id FROM #told;
    EXECUTE internal.TakeSpace NULL, NULL, @Pooling, @FeatureSetId;
    INSERT INTO #clustered (scan_id, is_clustered)
    SELECT t.scan_id, t.is_wrong FROM #told AS t INNER JOIN #space AS s ON s.scan_id = t.scan_id;
    DECLARE @RunId INT, @Scans INT = (SELECT COUNT(*) FROM #clustered), @Arguments NVARCHAR(4000) = JSON_MODIFY(JSON_MODIFY(JSON_MODIFY(
        JSON_MODIFY(N'{}', N'$.model', @ModelName), N'$.version', @Version), N'$.threshold', @Threshold), N'$.clusters', @Clusters);
    EXECUTE internal.StartRun N'WrongRepresentatives', @RunId OUTPUT, @Arguments;
    IF EXISTS (SELECT 1 FROM #clustered WHERE is_clustered = 1)
        EXECUTE internal.ClusterScans @Clusters, @Seed, @Beside, @Silhouette OUTPUT, @RunId;
    EXECUTE internal.EndRun @RunId, @Scans = @Scans;

    SELECT c.cluster, (SELECT COUNT(*) FROM #clusters AS m WHERE m.cluster = c.cluster AND m.role <> 2) AS wrong_patients,
        IIF(c.role = 1, N'representative', N'right, nearest') AS role, t.patient_index, c.scan_id,
        CASE WHEN t.is_wrong = 0 THEN NULL WHEN t.label = 1 THEN N'missed cancer' ELSE N'false alarm' END AS mistake, t.label,
        100 * t.probability AS prediction_percent, c.distance
    FROM #clusters AS c
    INNER JOIN #told AS t ON t.scan_id = c.scan_id
    WHERE c.role IN (1, 2)
    ORDER BY c.cluster, c.role, c.distance, c.scan_id;
END;
