-- A cell of a model's confusion matrix on a part. A model of several labels a picture has none. TrainImageClassifier fills it.
CREATE TABLE dbo.image_confusions (
    image_classifier_id INT NOT NULL, -- version of the model, in dbo.image_classifiers
    part VARCHAR(10) NOT NULL,        -- test, or train, whose scores are out of fold
    label TINYINT NOT NULL,           -- class that the pictures are of
    predicted TINYINT NOT NULL,       -- class that the model told
    pictures INT NOT NULL,            -- pictures, or groups, of the class label that were told to be predicted
    percentage FLOAT NULL,            -- of all of the class label, 0 to 100; NULL where there are none
    CONSTRAINT PK_image_confusions PRIMARY KEY (image_classifier_id, part, label, predicted),
    CONSTRAINT FK_image_confusions_image_classifiers FOREIGN KEY (image_classifier_id)
        REFERENCES dbo.image_classifiers (image_classifier_id) ON DELETE CASCADE
);
