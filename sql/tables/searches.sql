-- A search for settings: how its trials were made and are measured, and how far it is.
CREATE TABLE dbo.searches (
    search_id INT IDENTITY(1, 1) NOT NULL, -- number of the search, which RunSearch takes
    name NVARCHAR(128) NOT NULL,           -- name that the best model is stored under
    settings NVARCHAR(MAX) NOT NULL,       -- JSON: what was asked for
    seed INT NOT NULL,                     -- seed of the draw, the folds and the algorithm
    folds INT NOT NULL,                    -- folds of each trial's cross-validation
    metric VARCHAR(10) NOT NULL,           -- auc or log_loss, by which the best is chosen
    rungs INT NOT NULL,                    -- rungs of successive halving; 1 is none
    skip_missing BIT NOT NULL,             -- 1 leaves out labelled patients without features
    dataset_version_id INT NULL,           -- data set that it looks at, needed only until it is finished; NULL for all labelled patients
    horizon_days INT NULL,                 -- horizon of the labels in days (dbo.scan_labels); NULL for those of patients
    positive_from INT NULL,                -- labels from this one on are positive; NULL where labels are 0 and 1
    planned INT NOT NULL,                  -- trials of all rungs
    rung INT NOT NULL CONSTRAINT DF_searches_rung DEFAULT 0, -- rung that is being worked on, from 0
    state VARCHAR(10) NOT NULL CONSTRAINT DF_searches_state DEFAULT 'running', -- running, training (the best), done or failed
    best_trial_id INT NULL,                -- trial that was best; NULL until all are tried
    classifier_id INT NULL,                -- model that came of it; refers to no row, as that may be deleted later; NULL until it is
                                           -- trained
    worker NVARCHAR(128) NULL,             -- worker that trains the best; NULL before
    lease_until DATETIME2(3) NULL,         -- UTC, from when on another worker may train it; NULL before
    training_from DATETIME2(3) NULL,       -- when the training of the best began, UTC; NULL before
    created_at DATETIME2(3) NOT NULL CONSTRAINT DF_searches_created_at DEFAULT SYSUTCDATETIME(), -- when it was made, UTC
    created_by NVARCHAR(128) NOT NULL      -- who made it: the user that the session names (SESSION_CONTEXT), else the login
        CONSTRAINT DF_searches_created_by
        DEFAULT COALESCE(CAST(SESSION_CONTEXT(N'user') AS NVARCHAR(128)), ORIGINAL_LOGIN()),
    CONSTRAINT PK_searches PRIMARY KEY (search_id),
    CONSTRAINT CK_searches_settings CHECK (ISJSON(settings) = 1),
    CONSTRAINT CK_searches_metric CHECK (metric IN ('auc', 'log_loss')),
    CONSTRAINT CK_searches_state CHECK (state IN ('running', 'training', 'done', 'failed'))
);
