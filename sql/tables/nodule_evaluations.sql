-- A detector of nodules, with or without later stages, measured on a version of a data set by free-response ROC, as LUNA16 does. Each row
-- is a look at the truth, at that of test patients too where test_scans says so.
CREATE TABLE dbo.nodule_evaluations (
    nodule_evaluation_id INT IDENTITY(1, 1) NOT NULL, -- number of the evaluation
    network_id INT NOT NULL,                          -- detector, in dbo.networks
    preprocessing NVARCHAR(32) NOT NULL,              -- preprocessing by which it searched
    stages NVARCHAR(1000) NULL,                       -- later stages whose scores count as factors, name:version with commas;
                                                      -- NULL for the detector alone
    dataset_version_id INT NOT NULL,                  -- version of the data set, in dbo.dataset_versions
    least_readers TINYINT NOT NULL,                   -- nodules that fewer readers marked are irrelevant, where it is known how many did
    least_diameter FLOAT NOT NULL,                    -- nodules below this diameter in millimetres, or without one, are irrelevant
    most_per_scan INT NULL,                           -- candidates of a scan that count at most, of the highest scores; NULL for all
    seed INT NOT NULL,                                -- seed of the bootstrap
    resamples INT NOT NULL,                           -- samples of the bootstrap, of scans
    scans INT NOT NULL,                               -- scans of the data set, all of which count
    test_scans INT NOT NULL,                          -- scans of them of patients who are held out as test
    nodules INT NOT NULL,                             -- nodules that are to be found
    irrelevant INT NOT NULL,                          -- findings that are neither to be found nor false alarms
    candidates INT NOT NULL,                          -- candidates of the detector
    hits INT NOT NULL,                                -- nodules that a candidate hits
    repeated INT NOT NULL,                            -- candidates on a nodule that one with a higher score hits
    ignored INT NOT NULL,                             -- candidates on irrelevant findings
    false_alarms INT NOT NULL,                        -- candidates on nothing
    beyond INT NOT NULL,                              -- candidates beyond those that count of a scan
    evaluated_at DATETIME2(3) NOT NULL CONSTRAINT DF_nodule_evaluations_evaluated_at DEFAULT SYSUTCDATETIME(), -- when it was made, UTC
    evaluated_by NVARCHAR(128) NOT NULL               -- who had it evaluated: the user that the session names (SESSION_CONTEXT), else the
                                                      -- login
        CONSTRAINT DF_nodule_evaluations_evaluated_by
        DEFAULT COALESCE(CAST(SESSION_CONTEXT(N'user') AS NVARCHAR(128)), ORIGINAL_LOGIN()),
    CONSTRAINT PK_nodule_evaluations PRIMARY KEY (nodule_evaluation_id),
    CONSTRAINT FK_nodule_evaluations_networks FOREIGN KEY (network_id) REFERENCES dbo.networks (network_id),
    CONSTRAINT FK_nodule_evaluations_dataset_versions FOREIGN KEY (dataset_version_id)
        REFERENCES dbo.dataset_versions (dataset_version_id)
);
CREATE INDEX IX_nodule_evaluations_network ON dbo.nodule_evaluations (network_id);
CREATE INDEX IX_nodule_evaluations_dataset_version ON dbo.nodule_evaluations (dataset_version_id);
