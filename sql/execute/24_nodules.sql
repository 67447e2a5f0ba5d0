-- From a detector of nodules to a patient's score in an ensemble. lungdb load-network --detects has loaded my_detector, --input two networks
-- that read crops, false_alarms and malignancy; lungdb load-labels the marks of readers. Without them the first call is refused.
EXECUTE dbo.GenerateFeatures @ModelName = N'my_detector', @Layer = N'nodules', @Pooling = N'top5';

-- Later stages look at the crop around each candidate; the second multiplies the first's score, too.
EXECUTE dbo.ScoreNodules @ModelName = N'false_alarms', @Detector = N'my_detector', @Activation = N'sigmoid';
EXECUTE dbo.ScoreNodules @ModelName = N'malignancy', @Detector = N'my_detector', @After = N'false_alarms', @Activation = N'sigmoid';

-- How many nodules are found at how many false alarms a scan, as LUNA16 counts: of scans that were read for nodules, marked or not.
EXECUTE dbo.CreateDataset @Name = N'read for nodules', @Query = N'SELECT DISTINCT scan_id FROM dbo.nodules WHERE source = N''truth''';
EXECUTE dbo.EvaluateNodules @ModelName = N'my_detector', @Dataset = N'read for nodules';
EXECUTE dbo.EvaluateNodules @ModelName = N'my_detector', @Stages = N'false_alarms', @Dataset = N'read for nodules';
SELECT detector, stages, false_alarms_per_scan, sensitivity, low, high
FROM dbo.detector_figures
ORDER BY nodule_evaluation_id, position;

-- A patient's score: a leaky noisy-or of the five most probable nodules, calibrated, in the registry, and beside another model.
EXECUTE dbo.TrainLungCancerModel @ModelName = N'nodules_sql', @Algorithm = N'noisy_or', @NetworkName = N'malignancy',
    @Layer = N'nodules:my_detector:false_alarms', @Preprocessing = N'volume', @Pooling = N'top5';
EXECUTE dbo.CreateEnsemble @ModelName = N'with_nodules', @Members = N'nodules_sql, lightgbm_sql';
EXECUTE dbo.PredictPatients @ModelName = N'with_nodules';

-- What has grown between a patient's studies.
EXECUTE dbo.CompareNodules @PatientIndex = 0, @ModelName = N'my_detector';
