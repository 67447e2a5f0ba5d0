-- A figure of a model of pictures on a part. TrainImageClassifier fills it.
CREATE TABLE dbo.image_metrics (
    image_classifier_id INT NOT NULL, -- version of the model, in dbo.image_classifiers
    part VARCHAR(10) NOT NULL,        -- test, or train, whose scores are out of fold
    label SMALLINT NOT NULL,          -- class that it is of, -1 for all
    metric NVARCHAR(64) NOT NULL,     -- name of the figure, such as accuracy, precision or auc
    value FLOAT NULL,                 -- the figure; NULL where it is not defined, as the precision of a class that is never told
    CONSTRAINT PK_image_metrics PRIMARY KEY (image_classifier_id, part, label, metric),
    CONSTRAINT FK_image_metrics_image_classifiers FOREIGN KEY (image_classifier_id)
        REFERENCES dbo.image_classifiers (image_classifier_id) ON DELETE CASCADE
);
