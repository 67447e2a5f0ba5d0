-- What a run said on its way, and how much of it was done then.
CREATE TABLE dbo.run_steps (
    run_id INT NOT NULL,             -- run that it belongs to, in dbo.runs
    step INT NOT NULL,               -- 1, 2, 3, … within the run
    at DATETIME2(3) NOT NULL CONSTRAINT DF_run_steps_at DEFAULT SYSUTCDATETIME(), -- when it was said, UTC
    message NVARCHAR(2000) NOT NULL, -- what the run said, as the session that runs it sees it at once
    done INT NULL,                   -- how much was done by then; NULL where nothing is counted
    total INT NULL,                  -- of how much; NULL where nothing is counted
    scans INT NULL,                  -- scans of this step; NULL where none are counted
    slices BIGINT NULL,              -- slices of this step; NULL where none are counted
    seconds FLOAT NULL,              -- seconds since the step before, or since the run began
    cpu_seconds FLOAT NULL,          -- processor time in this step of the process that its script ran in; NULL where that is not known
    peak_megabytes FLOAT NULL,       -- most memory of that process so far; NULL where that is not known
    provider NVARCHAR(128) NULL,     -- ONNX Runtime's execution provider of the step's script; NULL where none ran
    CONSTRAINT PK_run_steps PRIMARY KEY (run_id, step),
    CONSTRAINT FK_run_steps_runs FOREIGN KEY (run_id) REFERENCES dbo.runs (run_id) ON DELETE CASCADE
);
