-- How far plain T-SQL was from Python on the patients who had features when the model was stored.
CREATE TABLE dbo.model_checks (
    classifier_id INT NOT NULL,    -- version of the model, in dbo.classifiers
    patients INT NOT NULL,         -- patients who were compared
    max_difference FLOAT NOT NULL, -- largest difference of raw or calibrated scores; above 1e-6 plain T-SQL does not score the model
    checked_at DATETIME2(3) NOT NULL CONSTRAINT DF_model_checks_checked_at DEFAULT SYSUTCDATETIME(), -- when they were compared, UTC
    CONSTRAINT PK_model_checks PRIMARY KEY (classifier_id),
    CONSTRAINT FK_model_checks_scoring FOREIGN KEY (classifier_id) REFERENCES dbo.model_scoring (classifier_id)
);
