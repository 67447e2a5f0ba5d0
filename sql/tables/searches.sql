-- A search for settings: how its trials were made and are measured, and how far it is. classifier_id is the model that came of
-- it; it refers to no row, because the model may be deleted later. dataset_version_id is the data set that it looks at, which may be
-- deleted once the search is finished; NULL means all labelled patients. horizon_days and positive_from say which labels are meant.
CREATE TABLE dbo.searches (
    search_id INT IDENTITY(1, 1) NOT NULL,
    name NVARCHAR(128) NOT NULL,
    settings NVARCHAR(MAX) NOT NULL,
    seed INT NOT NULL,
    folds INT NOT NULL,
    metric VARCHAR(10) NOT NULL,
    rungs INT NOT NULL,
    skip_missing BIT NOT NULL,
    dataset_version_id INT NULL,
    horizon_days INT NULL,
    positive_from INT NULL,
    planned INT NOT NULL,
    rung INT NOT NULL CONSTRAINT DF_searches_rung DEFAULT 0,
    state VARCHAR(10) NOT NULL CONSTRAINT DF_searches_state DEFAULT 'running',
    best_trial_id INT NULL,
    classifier_id INT NULL,
    worker NVARCHAR(128) NULL,
    lease_until DATETIME2(3) NULL,
    training_from DATETIME2(3) NULL,
    created_at DATETIME2(3) NOT NULL CONSTRAINT DF_searches_created_at DEFAULT SYSUTCDATETIME(),
    created_by NVARCHAR(128) NOT NULL
        CONSTRAINT DF_searches_created_by
        DEFAULT COALESCE(CAST(SESSION_CONTEXT(N'user') AS NVARCHAR(128)), ORIGINAL_LOGIN()),
    CONSTRAINT PK_searches PRIMARY KEY (search_id),
    CONSTRAINT CK_searches_settings CHECK (ISJSON(settings) = 1),
    CONSTRAINT CK_searches_metric CHECK (metric IN ('auc', 'log_loss')),
    CONSTRAINT CK_searches_state CHECK (state IN ('running', 'training', 'done', 'failed'))
);
