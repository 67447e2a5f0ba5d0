-- A training run. dataset_version_id is the data set that it was trained on, NULL for all labelled patients; horizon_days the horizon of
-- the labels, NULL for those of patients.
CREATE TABLE dbo.experiments (
    experiment_id INT IDENTITY(1, 1) NOT NULL,
    classifier_id INT NOT NULL,
    seed INT NOT NULL,
    parameters NVARCHAR(MAX) NOT NULL,
    dataset_version_id INT NULL,
    horizon_days INT NULL,
    started_at DATETIME2(3) NOT NULL,
    ended_at DATETIME2(3) NOT NULL CONSTRAINT DF_experiments_ended_at DEFAULT SYSUTCDATETIME(),
    run_by NVARCHAR(128) NOT NULL
        CONSTRAINT DF_experiments_run_by
        DEFAULT COALESCE(CAST(SESSION_CONTEXT(N'user') AS NVARCHAR(128)), ORIGINAL_LOGIN()),
    CONSTRAINT PK_experiments PRIMARY KEY (experiment_id),
    CONSTRAINT FK_experiments_classifiers FOREIGN KEY (classifier_id) REFERENCES dbo.classifiers (classifier_id),
    CONSTRAINT FK_experiments_dataset_versions FOREIGN KEY (dataset_version_id)
        REFERENCES dbo.dataset_versions (dataset_version_id),
    CONSTRAINT CK_experiments_parameters CHECK (ISJSON(parameters) = 1)
);
CREATE INDEX IX_experiments_classifier ON dbo.experiments (classifier_id);
CREATE INDEX IX_experiments_dataset_version ON dbo.experiments (dataset_version_id);
