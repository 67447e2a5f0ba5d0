-- The points of every version's curves, from its newest training run. patients is filled for calibration alone: the thresholds
-- of the other curves are scores of single patients, who could be told by them.
CREATE OR ALTER VIEW dbo.model_curves
AS
SELECT
    e.classifier_id,
    c.part,
    c.curve,
    c.position,
    c.x,
    c.y,
    CASE WHEN c.curve IN (N'calibration', N'calibration_raw') THEN CAST(c.threshold AS INT) END AS patients
FROM dbo.experiment_curves AS c
INNER JOIN dbo.experiments AS e ON e.experiment_id = c.experiment_id
WHERE e.experiment_id = (SELECT MAX(x.experiment_id) FROM dbo.experiments AS x WHERE x.classifier_id = e.classifier_id);
