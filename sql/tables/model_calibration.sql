-- How raw scores become probabilities: the points of an isotonic regression, joined by straight lines, or one row of a Platt
-- calibration, where x is the slope and y the intercept over the log-odds. A model without rows is not calibrated.
CREATE TABLE dbo.model_calibration (
    classifier_id INT NOT NULL,
    position INT NOT NULL,
    method VARCHAR(8) NOT NULL,
    x FLOAT NOT NULL,
    y FLOAT NOT NULL,
    CONSTRAINT PK_model_calibration PRIMARY KEY (classifier_id, position),
    CONSTRAINT FK_model_calibration_scoring FOREIGN KEY (classifier_id) REFERENCES dbo.model_scoring (classifier_id),
    CONSTRAINT CK_model_calibration_method CHECK (method IN ('platt', 'isotonic'))
);
