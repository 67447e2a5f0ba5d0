-- A feature over the patients that a version learnt from, one scan each.
CREATE TABLE dbo.model_scope_features (
    classifier_id INT NOT NULL, -- version of the model, in dbo.classifiers
    feature_index INT NOT NULL, -- place of the feature in the vector, from 0
    mean FLOAT NOT NULL,        -- mean of the feature over these patients
    sd FLOAT NOT NULL,          -- standard deviation of the feature over these patients; 0 where all had the same
    CONSTRAINT PK_model_scope_features PRIMARY KEY (classifier_id, feature_index),
    CONSTRAINT FK_model_scope_features_classifiers FOREIGN KEY (classifier_id) REFERENCES dbo.classifiers (classifier_id),
    CONSTRAINT CK_model_scope_features_sd CHECK (sd >= 0)
);
