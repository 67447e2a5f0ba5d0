-- A training run.
CREATE TABLE dbo.experiments (
    experiment_id INT IDENTITY(1, 1) NOT NULL, -- number of the run
    classifier_id INT NOT NULL,                -- version of the model that came of it
    seed INT NOT NULL,                         -- seed of the folds and the algorithm
    parameters NVARCHAR(MAX) NOT NULL,         -- JSON: the settings of the algorithm and what else the run was called with
    dataset_version_id INT NULL,               -- data set that it was trained on; NULL for all labelled patients
    horizon_days INT NULL,                     -- horizon of the labels in days (dbo.scan_labels); NULL for those of patients
    started_at DATETIME2(3) NOT NULL,          -- when it began, UTC
    ended_at DATETIME2(3) NOT NULL CONSTRAINT DF_experiments_ended_at DEFAULT SYSUTCDATETIME(), -- when it was stored, UTC
    run_by NVARCHAR(128) NOT NULL              -- who ran it: the user that the session names (SESSION_CONTEXT), else the login
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
