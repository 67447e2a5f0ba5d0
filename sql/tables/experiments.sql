-- A training run.
CREATE TABLE dbo.experiments (
    experiment_id INT IDENTITY(1, 1) NOT NULL,
    classifier_id INT NOT NULL,
    seed INT NOT NULL,
    parameters NVARCHAR(MAX) NOT NULL,
    started_at DATETIME2(3) NOT NULL,
    ended_at DATETIME2(3) NOT NULL CONSTRAINT DF_experiments_ended_at DEFAULT SYSUTCDATETIME(),
    run_by NVARCHAR(128) NOT NULL
        CONSTRAINT DF_experiments_run_by
        DEFAULT COALESCE(CAST(SESSION_CONTEXT(N'user') AS NVARCHAR(128)), ORIGINAL_LOGIN()),
    CONSTRAINT PK_experiments PRIMARY KEY (experiment_id),
    CONSTRAINT FK_experiments_classifiers FOREIGN KEY (classifier_id) REFERENCES dbo.classifiers (classifier_id),
    CONSTRAINT CK_experiments_parameters CHECK (ISJSON(parameters) = 1)
);
CREATE INDEX IX_experiments_classifier ON dbo.experiments (classifier_id);
