-- A figure of a model of pictures on a part: test, or train, whose scores are out of fold. label is the class that it is of, -1 for all;
-- value is NULL where it is not defined, as the precision of a class that is never told. TrainImageClassifier fills it.
CREATE TABLE dbo.image_metrics (
    image_classifier_id INT NOT NULL,
    part VARCHAR(10) NOT NULL,
    label SMALLINT NOT NULL,
    metric NVARCHAR(64) NOT NULL,
    value FLOAT NULL,
    CONSTRAINT PK_image_metrics PRIMARY KEY (image_classifier_id, part, label, metric),
    CONSTRAINT FK_image_metrics_image_classifiers FOREIGN KEY (image_classifier_id)
        REFERENCES dbo.image_classifiers (image_classifier_id) ON DELETE CASCADE
);
