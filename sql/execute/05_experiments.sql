-- A second model beside lightgbm_sql, compared with it on the test patients; what is served; everybody's score; and one explained.
EXECUTE dbo.TrainLungCancerModel @ModelName = N'logistic_sql', @Algorithm = N'logistic';
EXECUTE dbo.CompareModels @A = N'lightgbm_sql', @B = N'logistic_sql', @Metric = N'log_loss';

-- What each name serves, and why. A new version is served only when it is promoted, by figures that the test patients have no part in;
-- RollbackModel undoes that.
EXECUTE dbo.PromoteModel @ModelName = N'lightgbm_sql';
SELECT name, version, reason, newest_version, test_looks, held_out_outside FROM dbo.model_status ORDER BY name;

-- Every patient with a scan, in one call; of those that are held out, the ones on the wrong side of 40 percent.
EXECUTE dbo.PredictPatients @ModelName = N'lightgbm_sql', @SkipMissing = 1;
EXECUTE dbo.WrongCases @ModelName = N'lightgbm_sql', @Threshold = 40;

-- Where the newest score comes from: model, run, figures, features, network, scan, slices.
DECLARE @PredictionId INT = (SELECT MAX(prediction_id) FROM dbo.predictions);
EXECUTE dbo.LineageOf @PredictionId = @PredictionId;
