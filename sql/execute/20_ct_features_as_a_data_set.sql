-- CT features become data sets for the T-SQL networks: the feature set that most scans have pooled by mean, the patients to learn from as
-- ct_train and those held out as ct_test, by dbo.splits. Then a small network learns from them, scaled: unscaled, the same training does
-- not move from chance. Needs dbo.examples and dbo.example_labels, which both installers make.
DECLARE @FeatureSetId INT = (
    SELECT TOP (1) feature_set_id FROM dbo.pooled_features WHERE pooling = N'mean'
    GROUP BY feature_set_id
    ORDER BY COUNT(*) DESC, feature_set_id DESC);
EXECUTE dbo.AssignSplits;
BEGIN TRANSACTION;
DELETE FROM dbo.examples WHERE dataset IN (N'ct_train', N'ct_test');
DELETE FROM dbo.example_labels WHERE dataset IN (N'ct_train', N'ct_test');

INSERT INTO dbo.examples (dataset, example_id, feature_index, value)
SELECT CONCAT(N'ct_', sp.part), p.idx, f.feature_index, f.value
FROM dbo.feature_values AS f
INNER JOIN dbo.scans AS s ON s.scan_id = f.scan_id AND s.is_primary = 1
INNER JOIN dbo.patients AS p ON p.patient_id = s.patient_id
INNER JOIN dbo.labels AS l ON l.patient_id = s.patient_id
INNER JOIN dbo.splits AS sp ON sp.patient_id = s.patient_id
WHERE f.feature_set_id = @FeatureSetId AND f.pooling = N'mean';

INSERT INTO dbo.example_labels (dataset, example_id, label)
SELECT e.dataset, e.example_id, l.label
FROM (SELECT DISTINCT dataset, example_id FROM dbo.examples WHERE dataset IN (N'ct_train', N'ct_test')) AS e
INNER JOIN dbo.patients AS p ON p.idx = e.example_id
INNER JOIN dbo.labels AS l ON l.patient_id = p.patient_id;

-- Names of data sets are those of dbo.datasets.
INSERT INTO dbo.datasets (name, kind)
SELECT DISTINCT e.dataset, 'examples'
FROM dbo.examples AS e
WHERE e.dataset IN (N'ct_train', N'ct_test') AND NOT EXISTS (SELECT 1 FROM dbo.datasets AS d WHERE d.name = e.dataset);
COMMIT TRANSACTION;

EXECUTE dbo.ScaleDataset @Dataset = N'ct_train', @Into = N'ct_train_scaled', @Method = N'zscore', @Replace = 1;
EXECUTE dbo.ScaleDataset @Dataset = N'ct_test', @Into = N'ct_test_scaled', @As = N'ct_train_scaled', @Replace = 1;

-- A network that learnt before from other examples goes on from there: this one begins anew.
DELETE FROM dbo.tensors WHERE network = N'ct_network';
DELETE FROM dbo.dense_layers WHERE network = N'ct_network';
DELETE FROM dbo.training_log WHERE network = N'ct_network';
EXECUTE dbo.TrainNetworkSql @Dataset = N'ct_train_scaled', @Hidden = N'8', @Iterations = 100, @L2 = 0.01, @ModelName = N'ct_network';
EXECUTE dbo.EvaluateNetworkSql @ModelName = N'ct_network', @Dataset = N'ct_test_scaled';
