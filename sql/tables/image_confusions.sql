-- A cell of a model's confusion matrix on a part: how many pictures, or groups, of the class label were told to be predicted, and which
-- percentage of those of the class that is. A model of several labels a picture has none. TrainImageClassifier fills it.
CREATE TABLE dbo.image_confusions (
    image_classifier_id INT NOT NULL,
    part VARCHAR(10) NOT NULL,
    label TINYINT NOT NULL,
    predicted TINYINT NOT NULL,
    pictures INT NOT NULL,
    percentage FLOAT NULL,
    CONSTRAINT PK_image_confusions PRIMARY KEY (image_classifier_id, part, label, predicted),
    CONSTRAINT FK_image_confusions_image_classifiers FOREIGN KEY (image_classifier_id)
        REFERENCES dbo.image_classifiers (image_classifier_id) ON DELETE CASCADE
);
