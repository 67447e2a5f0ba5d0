-- A trial of a search, as a queue that workers drain: whose it is until when, and what came of it. A candidate that goes on to
-- the next rung of successive halving gets a row there. seconds is the time of the call that it was part of, divided by that
-- call's trials.
CREATE TABLE dbo.search_trials (
    trial_id INT IDENTITY(1, 1) NOT NULL,
    search_id INT NOT NULL,
    rung INT NOT NULL,
    candidate INT NOT NULL,
    feature_set_id INT NOT NULL,
    pooling NVARCHAR(32) NOT NULL,
    parameters NVARCHAR(MAX) NOT NULL,
    state VARCHAR(10) NOT NULL CONSTRAINT DF_search_trials_state DEFAULT 'queued',
    worker NVARCHAR(128) NULL,
    lease_until DATETIME2(3) NULL,
    attempts INT NOT NULL CONSTRAINT DF_search_trials_attempts DEFAULT 0,
    auc FLOAT NULL,
    log_loss FLOAT NULL,
    seconds FLOAT NULL,
    error NVARCHAR(2000) NULL,
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
