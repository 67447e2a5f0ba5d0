-- How raw scores become probabilities: the points of an isotonic regression, joined by straight lines, or one row of a Platt calibration. A
-- model without rows is not calibrated.
CREATE TABLE dbo.model_calibration (
    classifier_id INT NOT NULL, -- version of the model, in dbo.classifiers
    position INT NOT NULL,      -- order of the points
    method VARCHAR(8) NOT NULL, -- platt or isotonic
    x FLOAT NOT NULL,           -- of isotonic the raw score of the point, of platt the slope over the log-odds
    y FLOAT NOT NULL,           -- of isotonic the probability of the point, of platt the intercept
    CONSTRAINT PK_model_calibration PRIMARY KEY (classifier_id, position),
    CONSTRAINT FK_model_calibration_scoring FOREIGN KEY (classifier_id) REFERENCES dbo.model_scoring (classifier_id),
    CONSTRAINT CK_model_calibration_method CHECK (method IN ('platt', 'isotonic'))
);
