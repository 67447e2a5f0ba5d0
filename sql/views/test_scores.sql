-- The scores that test figures are computed from, and nothing else is: those of test patients of the run whom dbo.splits
-- holds out too, so no training patient can be among them.
CREATE OR ALTER VIEW dbo.test_scores
AS
SELECT
    s.experiment_id, s.classifier_id, s.patient_id, s.part, s.fold, s.label, s.raw, s.probability, s.out_of_fold,
    s.member, s.scan_id
FROM dbo.experiment_scores AS s
INNER JOIN dbo.splits AS sp ON sp.patient_id = s.patient_id
WHERE s.part = 'test' AND sp.part = 'test' AND s.label IS NOT NULL;
