-- A LightGBM model on the features of the labelled patients, stored as the next version of lightgbm_sql.
EXECUTE dbo.TrainLungCancerModel;

SELECT e.part, e.metric, e.value
FROM dbo.experiment_metrics AS e
WHERE e.experiment_id = (SELECT MAX(experiment_id) FROM dbo.experiments)
ORDER BY e.part, e.metric;
