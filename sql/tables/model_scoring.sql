-- A model that plain T-SQL can score. The margin is intercept + (sum of leaves or of terms) / divisor, and the raw score is
-- 1 / (1 + exp(-steepness * margin)).
CREATE TABLE dbo.model_scoring (
    classifier_id INT NOT NULL,     -- version of the model, in dbo.classifiers
    width INT NOT NULL,             -- numbers in the vector that it reads
    trees INT NOT NULL,             -- trees in dbo.model_nodes; 0 of a model without
    divisor FLOAT NOT NULL,         -- number of trees where they are averaged, else 1
    steepness FLOAT NOT NULL,       -- factor of the margin, above 0
    intercept FLOAT NOT NULL,       -- what the margin begins with
    prevalence FLOAT NULL,          -- share of positives that its probabilities are made for; NULL where that is not known
    rows_sha256 VARBINARY(32) NULL, -- SHA-256 over this row, the model's SHA-256 and its rows in dbo.model_nodes, dbo.model_coefficients
                                    -- and dbo.model_calibration, as internal.DigestModelRows reads them; NULL or another one: the model is
                                    -- not scored
    CONSTRAINT PK_model_scoring PRIMARY KEY (classifier_id),
    CONSTRAINT FK_model_scoring_classifiers FOREIGN KEY (classifier_id) REFERENCES dbo.classifiers (classifier_id),
    CONSTRAINT CK_model_scoring_numbers CHECK (width > 0 AND trees >= 0 AND divisor > 0 AND steepness > 0),
    CONSTRAINT CK_model_scoring_prevalence CHECK (prevalence > 0 AND prevalence < 1)
);
