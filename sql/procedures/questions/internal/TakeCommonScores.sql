-- TakeCommonScores: fills #evaluated with the test scans that two models have both scored, as the patients on whom CompareModels lists that
-- they disagree.
-- Called by CompareModels, whose table #evaluated it fills.
CREATE OR ALTER PROCEDURE internal.TakeCommonScores
    @ClassifierA INT,   -- a model
    @ClassifierB INT    -- another
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    INSERT INTO #evaluated (scan_id, patient, label, a, b)
    SELECT s.scan_id, p.idx, a.label, a.probability, b.probability
    FROM dbo.test_scores AS a
    INNER JOIN dbo.test_scores AS b ON b.patient_id = a.patient_id AND b.label = a.label
        AND (b.scan_id = a.scan_id OR 2 = (
            SELECT COUNT(*) FROM dbo.test_scores AS q
            WHERE q.patient_id = a.patient_id AND q.experiment_id IN (a.experiment_id, b.experiment_id)))
    INNER JOIN dbo.patients AS p ON p.patient_id = a.patient_id
    LEFT JOIN dbo.scans AS s ON s.scan_id = COALESCE(
        a.scan_id, (SELECT q.scan_id FROM dbo.scans AS q WHERE q.patient_id = a.patient_id AND q.is_primary = 1))
    WHERE a.experiment_id = (SELECT MAX(experiment_id) FROM dbo.experiments WHERE classifier_id = @ClassifierA)
        AND b.experiment_id = (SELECT MAX(experiment_id) FROM dbo.experiments WHERE classifier_id = @ClassifierB)
        AND a.label IN (0, 1)
    ORDER BY p.idx, s.scan_id;
END;
