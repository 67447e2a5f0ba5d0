-- What a run said on its way, and how much of it was done then. step counts from 1. seconds are those since the step before. cpu_seconds
-- and peak_megabytes are of the process that its script ran in: the time of this step, the most memory of that process so far.
CREATE TABLE dbo.run_steps (
    run_id INT NOT NULL,
    step INT NOT NULL,
    at DATETIME2(3) NOT NULL CONSTRAINT DF_run_steps_at DEFAULT SYSUTCDATETIME(),
    message NVARCHAR(2000) NOT NULL,
    done INT NULL,
    total INT NULL,
    scans INT NULL,
    slices BIGINT NULL,
    seconds FLOAT NULL,
    cpu_seconds FLOAT NULL,
    peak_megabytes FLOAT NULL,
    provider NVARCHAR(128) NULL,
    CONSTRAINT PK_run_steps PRIMARY KEY (run_id, step),
    CONSTRAINT FK_run_steps_runs FOREIGN KEY (run_id) REFERENCES dbo.runs (run_id) ON DELETE CASCADE
);
