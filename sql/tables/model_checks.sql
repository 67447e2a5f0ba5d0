-- How far plain T-SQL was from Python, raw or calibrated, on the patients who had features when the model was stored.
CREATE TABLE dbo.model_checks (
    classifier_id INT NOT NULL,
    patients INT NOT NULL,
    max_difference FLOAT NOT NULL,
    checked_at DATETIME2(3) NOT NULL CONSTRAINT DF_model_checks_checked_at DEFAULT SYSUTCDATETIME(),
    CONSTRAINT PK_model_checks PRIMARY KEY (classifier_id),
    CONSTRAINT FK_model_checks_scoring FOREIGN KEY (classifier_id) REFERENCES dbo.model_scoring (classifier_id)
);
