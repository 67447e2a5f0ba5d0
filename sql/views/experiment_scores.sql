-- Every patient of every training run with label and score, once a scan; of a regression with target and predicted.
CREATE OR ALTER VIEW dbo.experiment_scores
AS
SELECT
    e.experiment_id, e.classifier_id, p.patient_id, p.part, p.fold, p.label, p.raw, p.probability, p.out_of_fold,
    p.member, p.scan_id, p.target, p.predicted
FROM dbo.experiment_patients AS p
INNER JOIN dbo.experiments AS e ON e.experiment_id = p.experiment_id;
