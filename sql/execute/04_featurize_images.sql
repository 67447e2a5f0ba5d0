-- Features of every picture, by the network that the setting default_network names, else the demo's, and how well a logistic regression
-- on them tells class 1 from class 0: it learns from one half of the labelled pictures and is tried on the other. Load pictures first:
-- lungdb load-images FOLDER --classes
DECLARE @ModelName NVARCHAR(128) = COALESCE((SELECT value FROM dbo.settings WHERE name = N'default_network'), N'demo_resnet');
EXECUTE dbo.FeaturizeImages @ModelName = @ModelName;

DECLARE @Language NVARCHAR(128) = COALESCE((SELECT value FROM dbo.settings WHERE name = N'external_language'), N'Python');
DECLARE @Accuracy FLOAT, @Auc FLOAT;
DECLARE @FeatureSetId INT = (
    SELECT TOP (1) s.feature_set_id
    FROM dbo.feature_sets AS s
    INNER JOIN dbo.networks AS n ON n.network_id = s.network_id
    WHERE n.name = @ModelName AND s.layer = N'penultimate' AND s.preprocessing = N'image'
    ORDER BY n.version DESC);

IF (SELECT COUNT(*) FROM dbo.images WHERE label = 0) < 2 OR (SELECT COUNT(*) FROM dbo.images WHERE label = 1) < 2
    PRINT N'There are fewer than two pictures of class 0 or of class 1, so there is nothing to learn. Load more with lungdb load-images.';
ELSE
BEGIN
    EXECUTE sp_execute_external_script
        @language = @Language,
        @script = N'
def main(pictures):
    import numpy as np
    from lungdb.imaging.codecs import decode_array
    from lungdb.learning import logistic, metrics
    features = np.vstack([decode_array(bytes.fromhex(p.array), 1, p.width, bytes.fromhex(p.sha256)) for p in pictures.itertuples()])
    labels, learn = pictures["label"].to_numpy(), pictures["half"].to_numpy() == 0
    probabilities = logistic.fit(features[learn], labels[learn], l2=1.0).probabilities(features[~learn])
    return float(np.mean((probabilities > 0.5) == labels[~learn])), metrics.auc(labels[~learn], probabilities)

Accuracy, Auc = main(InputDataSet)
',
        @input_data_1 = N'
SELECT CAST(i.label AS INT) AS label, CAST(ROW_NUMBER() OVER (PARTITION BY i.label ORDER BY i.sha256, i.name) % 2 AS INT) AS half,
    f.array_cols AS width, CONVERT(VARCHAR(MAX), f.array, 2) AS array, CONVERT(VARCHAR(64), f.sha256, 2) AS sha256
FROM dbo.images AS i
INNER JOIN dbo.image_features AS f ON f.name = i.name
WHERE f.feature_set_id = @FeatureSetId AND i.label IN (0, 1);',
        @params = N'@FeatureSetId INT, @Accuracy FLOAT OUTPUT, @Auc FLOAT OUTPUT',
        @FeatureSetId = @FeatureSetId, @Accuracy = @Accuracy OUTPUT, @Auc = @Auc OUTPUT;
    PRINT CONCAT(N'Of the pictures not learned from, ', STR(100 * @Accuracy, 5, 1), N' % are told right; area under the ROC curve ',
        STR(@Auc, 5, 3), N'.');
END;
