-- Mean and standard deviation of each feature over the patients that a version learnt from, one scan each; sd is 0 where all had the same.
CREATE TABLE dbo.model_scope_features (
    classifier_id INT NOT NULL,
    feature_index INT NOT NULL,
    mean FLOAT NOT NULL,
    sd FLOAT NOT NULL,
    CONSTRAINT PK_model_scope_features PRIMARY KEY (classifier_id, feature_index),
    CONSTRAINT FK_model_scope_features_classifiers FOREIGN KEY (classifier_id) REFERENCES dbo.classifiers (classifier_id),
    CONSTRAINT CK_model_scope_features_sd CHECK (sd >= 0)
);
