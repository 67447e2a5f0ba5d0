-- A trial of a search, as a queue that workers drain.
CREATE TABLE dbo.search_trials (
    trial_id INT IDENTITY(1, 1) NOT NULL, -- number of the trial
    search_id INT NOT NULL,               -- search that it belongs to, in dbo.searches
    rung INT NOT NULL,                    -- rung of successive halving, from 0; a candidate that goes on to the next gets a row there
    candidate INT NOT NULL,               -- number of the candidate in the search
    feature_set_id INT NOT NULL,          -- feature set that it learns from
    pooling NVARCHAR(32) NOT NULL,        -- pooling that it learns from
    parameters NVARCHAR(MAX) NOT NULL,    -- JSON: algorithm and settings that it tries
    state VARCHAR(10) NOT NULL CONSTRAINT DF_search_trials_state DEFAULT 'queued', -- queued, running, done or failed
    worker NVARCHAR(128) NULL,            -- worker that has or had it; NULL where none has
    lease_until DATETIME2(3) NULL,        -- UTC, from when on another worker may take it; NULL where none has it
    attempts INT NOT NULL                 -- how often a worker took it; with a lease that ended three times it fails
        CONSTRAINT DF_search_trials_attempts DEFAULT 0,
    auc FLOAT NULL,                       -- AUC of the held-out training patients; NULL until it is done
    log_loss FLOAT NULL,                  -- log loss of the held-out training patients; NULL until it is done
    seconds FLOAT NULL,                   -- time of the call that it was part of, divided by that call's trials; NULL until it is done
    error NVARCHAR(2000) NULL,            -- why it failed; NULL where it did not
    CONSTRAINT PK_search_trials PRIMARY KEY (trial_id),
    CONSTRAINT UQ_search_trials_candidate UNIQUE (search_id, rung, candidate),
    CONSTRAINT FK_search_trials_searches FOREIGN KEY (search_id) REFERENCES dbo.searches (search_id),
    CONSTRAINT FK_search_trials_feature_sets FOREIGN KEY (feature_set_id)
        REFERENCES dbo.feature_sets (feature_set_id),
    CONSTRAINT CK_search_trials_parameters CHECK (ISJSON(parameters) = 1),
    CONSTRAINT CK_search_trials_state CHECK (state IN ('queued', 'running', 'done', 'failed'))
);
CREATE INDEX IX_search_trials_state ON dbo.search_trials (search_id, state);
CREATE INDEX IX_search_trials_feature_set ON dbo.search_trials (feature_set_id);
