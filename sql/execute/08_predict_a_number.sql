-- A model of a number in place of a class. lungdb load-labels FILE --numeric COLUMN has filled dbo.numeric_labels; else this is refused.
EXECUTE dbo.TrainLungCancerModel @ModelName = N'number_sql', @Task = N'regression';
EXECUTE dbo.PredictPatients @ModelName = N'number_sql';

SELECT part, metric, value
FROM dbo.model_figures AS f
INNER JOIN dbo.model_status AS s ON s.classifier_id = f.classifier_id
WHERE s.name = N'number_sql' AND f.metric IN (N'rmse', N'rmse_low', N'rmse_high', N'rmse_constant', N'r2', N'spearman')
ORDER BY part, metric;
