-- TakeEnsemblePatients: fills #patients with the patients whom every member of an ensemble has scored without having learnt from them, in
-- the test part of all or of none, and gives their scores. One of whom a vector is another now is left out.
-- Called by CreateEnsemble, whose table #ensemble it reads and whose table #patients it fills.
CREATE OR ALTER PROCEDURE internal.TakeEnsemblePatients
    @FeatureSetId INT,            -- feature set that the ensemble reads
    @Pooling NVARCHAR(32),        -- its pooling
    @RunId INT,                   -- row of dbo.runs
    @Scores NVARCHAR(MAX) OUTPUT  -- JSON array of [place, label or -1 of a test patient, patient, [probabilities]]
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Members INT = (SELECT COUNT(*) FROM #ensemble), @Said NVARCHAR(2000);
    CREATE TABLE #scored (
        patient_id NVARCHAR(64) COLLATE DATABASE_DEFAULT NOT NULL, scan_id INT NOT NULL, label INT NOT NULL, is_test INT NOT NULL);
    CREATE TABLE #read (scan_id INT NOT NULL PRIMARY KEY);
    CREATE TABLE #combine (scan_id INT NOT NULL PRIMARY KEY);

    INSERT INTO #scored (patient_id, scan_id, label, is_test)
    SELECT p.patient_id, p.scan_id, MAX(p.label), MAX(CASE WHEN p.part = 'test' THEN 1 ELSE 0 END)
    FROM #ensemble AS e
    INNER JOIN dbo.experiment_patients AS p ON p.experiment_id = e.experiment_id
    INNER JOIN dbo.pooled_features AS f ON f.scan_id = p.scan_id AND f.feature_set_id = e.feature_set_id AND f.pooling = e.pooling
        AND f.vector_sha256 = p.vector_sha256
    -- The part validation is left out: it was looked at to stop early and to calibrate.
    WHERE p.out_of_fold = 1 AND p.part <> 'validation' AND p.label IN (0, 1) AND p.probability IS NOT NULL
    GROUP BY p.patient_id, p.scan_id
    HAVING COUNT(*) = @Members
        AND MIN(CASE WHEN p.part = 'test' THEN 1 ELSE 0 END) = MAX(CASE WHEN p.part = 'test' THEN 1 ELSE 0 END);
    INSERT INTO #combine (scan_id)
    SELECT scan_id FROM #scored;
    EXECUTE internal.FillCombinedFeatures @FeatureSetId;
    INSERT INTO #patients (patient_id, scan_id, label, part, vector_sha256)
    SELECT s.patient_id, s.scan_id, s.label, CASE WHEN s.is_test = 1 THEN 'test' ELSE 'train' END, COALESCE(f.vector_sha256, 0x)
    FROM #scored AS s
    INNER JOIN dbo.pooled_features AS f ON f.scan_id = s.scan_id AND f.feature_set_id = @FeatureSetId AND f.pooling = @Pooling
    ORDER BY s.patient_id, s.scan_id;
    INSERT INTO #read (scan_id)
    SELECT scan_id FROM #patients;
    EXECUTE internal.CheckVectors @FeatureSetId, @Pooling, 0;

    -- Style 3 keeps every digit of a FLOAT.
    SET @Scores = CONCAT(N'[', (
        SELECT STRING_AGG(CONCAT(N'[', t.place, N', ', CASE WHEN t.part = 'test' THEN -1 ELSE t.label END, N', ', t.owner, N', [',
            t.given, N']]'), N', ') WITHIN GROUP (ORDER BY t.place)
        FROM (
            SELECT t.place, t.part, t.label, (SELECT MIN(b.place) FROM #patients AS b WHERE b.patient_id = t.patient_id) AS owner,
                STRING_AGG(CAST(CONVERT(NVARCHAR(40), p.probability, 3) AS NVARCHAR(MAX)), N', ')
                    WITHIN GROUP (ORDER BY e.position) AS given
            FROM #patients AS t
            CROSS JOIN #ensemble AS e
            INNER JOIN dbo.experiment_patients AS p ON p.experiment_id = e.experiment_id AND p.patient_id = t.patient_id
                AND p.scan_id = t.scan_id
            GROUP BY t.place, t.part, t.label, t.patient_id) AS t), N']');
    SET @Said = CONCAT(@Members, N' members; ', (SELECT COUNT(*) FROM #patients WHERE part = 'train'),
        N' training patients are out of fold for all of them, ', (SELECT COUNT(*) FROM #patients WHERE part = 'test'),
        N' are held out for testing.');
    EXECUTE internal.ReportStep @RunId, @Said, 0, 1;
END;
