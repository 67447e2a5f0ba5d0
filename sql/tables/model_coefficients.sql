-- The terms of a logistic regression: coefficient * (x - mean) / scale of each feature. Its intercept is in dbo.model_scoring.
CREATE TABLE dbo.model_coefficients (
    classifier_id INT NOT NULL,
    feature_index INT NOT NULL,
    mean FLOAT NOT NULL,
    scale FLOAT NOT NULL,
    coefficient FLOAT NOT NULL,
    CONSTRAINT PK_model_coefficients PRIMARY KEY (classifier_id, feature_index),
    CONSTRAINT FK_model_coefficients_scoring FOREIGN KEY (classifier_id) REFERENCES dbo.model_scoring (classifier_id),
    CONSTRAINT CK_model_coefficients_scale CHECK (scale > 0)
);
