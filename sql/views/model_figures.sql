-- The measured figures of every version's newest training run.
CREATE OR ALTER VIEW dbo.model_figures
AS
SELECT e.classifier_id, m.part, m.metric, m.value
FROM dbo.experiment_metrics AS m
INNER JOIN dbo.experiments AS e ON e.experiment_id = m.experiment_id
WHERE e.experiment_id = (SELECT MAX(x.experiment_id) FROM dbo.experiments AS x WHERE x.classifier_id = e.classifier_id);
