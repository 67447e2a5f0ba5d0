-- A comparison of patients who came later with those whom a model was tested on: either by the time of later_since or as a data set.
CREATE TABLE dbo.drift_checks (
    drift_check_id INT IDENTITY(1, 1) NOT NULL, -- number of the check
    classifier_id INT NOT NULL,                 -- version of the model, in dbo.classifiers
    later_since DATETIME2(3) NULL,              -- UTC, from when on patients are later; NULL where a data set says who they are
    dataset_version_id INT NULL,                -- data set of the later patients; NULL where later_since says who they are
    tested_patients INT NOT NULL,               -- patients whom the model was tested on
    later_patients INT NOT NULL,                -- patients who came later
    permutations INT NOT NULL,                  -- permutations of who is later that p_value is from
    seed INT NOT NULL,                          -- seed of the permutations
    alpha FLOAT NOT NULL,                       -- p_value up to which there is an alarm, above 0 and below 1
    statistic FLOAT NOT NULL,                   -- the largest of its rows in dbo.drift_items, in standard errors
    p_value FLOAT NOT NULL,                     -- share of permutations, the real order counted, whose largest statistic is at least as
                                                -- large
    is_alarm BIT NOT NULL,                      -- 1 where p_value is alpha or less
    checked_at DATETIME2(3) NOT NULL CONSTRAINT DF_drift_checks_checked_at DEFAULT SYSUTCDATETIME(), -- when it was made, UTC
    checked_by NVARCHAR(128) NOT NULL           -- who had it checked: the user that the session names (SESSION_CONTEXT), else the login
        CONSTRAINT DF_drift_checks_checked_by
        DEFAULT COALESCE(CAST(SESSION_CONTEXT(N'user') AS NVARCHAR(128)), ORIGINAL_LOGIN()),
    CONSTRAINT PK_drift_checks PRIMARY KEY (drift_check_id),
    CONSTRAINT FK_drift_checks_classifiers FOREIGN KEY (classifier_id) REFERENCES dbo.classifiers (classifier_id),
    CONSTRAINT FK_drift_checks_dataset_versions FOREIGN KEY (dataset_version_id)
        REFERENCES dbo.dataset_versions (dataset_version_id),
    CONSTRAINT CK_drift_checks_later CHECK (later_since IS NOT NULL OR dataset_version_id IS NOT NULL)
);
CREATE INDEX IX_drift_checks_classifier ON dbo.drift_checks (classifier_id);
CREATE INDEX IX_drift_checks_dataset_version ON dbo.drift_checks (dataset_version_id);
