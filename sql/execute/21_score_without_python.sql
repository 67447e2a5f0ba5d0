-- Scores with T-SQL alone; this runs on a server with install_sql_only.sql, once `lungdb copy` has brought a model.
-- How near plain T-SQL came to Python when each model was stored.
SELECT c.name, c.version, k.patients, k.max_difference, k.checked_at
FROM dbo.model_checks AS k
INNER JOIN dbo.classifiers AS c ON c.classifier_id = k.classifier_id
ORDER BY c.name, c.version;

EXECUTE dbo.PredictPatientsSql @ModelName = N'lightgbm_sql';

DECLARE @Result FLOAT;
EXECUTE dbo.PredictLungCancerSql @PatientIndex = 0, @PredictionResult = @Result OUTPUT;
