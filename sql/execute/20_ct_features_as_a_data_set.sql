-- CT features become a data set for TrainNetworkSql and ScoreNetworkSql: the newest feature set that is pooled by mean.
-- Needs dbo.examples and dbo.example_labels, which both installers make.
DECLARE @FeatureSetId INT = (SELECT MAX(feature_set_id) FROM dbo.pooled_features WHERE pooling = N'mean');
DELETE FROM dbo.examples WHERE dataset = N'ct';
DELETE FROM dbo.example_labels WHERE dataset = N'ct';

INSERT INTO dbo.examples (dataset, example_id, feature_index, value)
SELECT N'ct', p.idx, f.feature_index, f.value
FROM dbo.feature_values AS f
INNER JOIN dbo.scans AS s ON s.scan_id = f.scan_id AND s.is_primary = 1
INNER JOIN dbo.patients AS p ON p.patient_id = s.patient_id
WHERE f.feature_set_id = @FeatureSetId AND f.pooling = N'mean';

INSERT INTO dbo.example_labels (dataset, example_id, label)
SELECT N'ct', p.idx, l.label
FROM dbo.labels AS l
INNER JOIN dbo.patients AS p ON p.patient_id = l.patient_id;
