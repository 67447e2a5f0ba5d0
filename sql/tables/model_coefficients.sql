-- The terms of a logistic regression: coefficient * (x - mean) / scale of each feature. Its intercept is in dbo.model_scoring.
CREATE TABLE dbo.model_coefficients (
    classifier_id INT NOT NULL, -- version of the model, in dbo.classifiers
    feature_index INT NOT NULL, -- place of the feature in the vector, from 0
    mean FLOAT NOT NULL,        -- mean of the feature in training
    scale FLOAT NOT NULL,       -- standard deviation of the feature in training, 1 where it was the same in all
    coefficient FLOAT NOT NULL, -- factor of the standardised feature
    CONSTRAINT PK_model_coefficients PRIMARY KEY (classifier_id, feature_index),
    CONSTRAINT FK_model_coefficients_scoring FOREIGN KEY (classifier_id) REFERENCES dbo.model_scoring (classifier_id),
    CONSTRAINT CK_model_coefficients_scale CHECK (scale > 0)
);
