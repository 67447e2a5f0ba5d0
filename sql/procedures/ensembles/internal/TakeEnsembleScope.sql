-- TakeEnsembleScope: finds what an ensemble knows: the scans that every member has learnt from, or where there are none those that any has,
-- by the ensemble's own vector. Held out are those whom every member was tested on. One whose training is not recorded here, such as a
-- classifier from elsewhere, leaves the ensemble without a scope. Scans without a vector count for nothing.
-- Called by CreateEnsemble, whose table #ensemble it reads, and whose tables #taught, #scope and #scope_features it fills.
CREATE OR ALTER PROCEDURE internal.TakeEnsembleScope
    @FeatureSetId INT,      -- feature set that the ensemble reads
    @Pooling NVARCHAR(32)   -- its pooling
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Members INT = (SELECT COUNT(*) FROM #ensemble);
    IF EXISTS (
        SELECT 1 FROM #ensemble AS e
        WHERE NOT EXISTS (SELECT 1 FROM dbo.model_scope AS s WHERE s.classifier_id = e.classifier_id)
            OR NOT EXISTS (SELECT 1 FROM dbo.experiment_patients AS p WHERE p.experiment_id = e.experiment_id AND p.part = 'train'))
        RETURN 0;
    CREATE TABLE #combine (scan_id INT NOT NULL PRIMARY KEY);
    CREATE TABLE #seen (
        scan_id INT NOT NULL PRIMARY KEY, patient_id NVARCHAR(64) COLLATE DATABASE_DEFAULT NOT NULL, learnt INT NOT NULL,
        tested INT NOT NULL);
    CREATE TABLE #read (scan_id INT NOT NULL PRIMARY KEY);

    INSERT INTO #seen (scan_id, patient_id, learnt, tested)
    SELECT s.scan_id, s.patient_id, SUM(CASE p.part WHEN 'train' THEN 1 ELSE 0 END), SUM(CASE p.part WHEN 'test' THEN 1 ELSE 0 END)
    FROM #ensemble AS e
    INNER JOIN dbo.experiment_patients AS p ON p.experiment_id = e.experiment_id
    INNER JOIN dbo.scans AS s ON s.scan_id = p.scan_id
    GROUP BY s.scan_id, s.patient_id;
    INSERT INTO #combine (scan_id)
    SELECT scan_id FROM #seen;
    EXECUTE internal.FillCombinedFeatures @FeatureSetId;
    DELETE FROM #seen
    WHERE scan_id NOT IN (
        SELECT f.scan_id FROM dbo.pooled_features AS f WHERE f.feature_set_id = @FeatureSetId AND f.pooling = @Pooling);
    INSERT INTO #taught (scan_id, patient_id, is_held_out)
    SELECT scan_id, patient_id, 0 FROM #seen WHERE learnt = @Members
    UNION ALL
    SELECT scan_id, patient_id, 1 FROM #seen WHERE tested = @Members;
    IF NOT EXISTS (SELECT 1 FROM #taught WHERE is_held_out = 0)
        INSERT INTO #taught (scan_id, patient_id, is_held_out)
        SELECT scan_id, patient_id, 0 FROM #seen WHERE learnt > 0;
    INSERT INTO #read (scan_id)
    SELECT scan_id FROM #taught;
    EXECUTE internal.CheckVectors @FeatureSetId, @Pooling, 0;
    EXECUTE internal.FitScope @FeatureSetId, @Pooling;
END;
