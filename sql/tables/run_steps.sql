-- What a run said on its way, and how much of it was done then. step counts from 1.
CREATE TABLE dbo.run_steps (
    run_id INT NOT NULL,
    step INT NOT NULL,
    at DATETIME2(3) NOT NULL CONSTRAINT DF_run_steps_at DEFAULT SYSUTCDATETIME(),
    message NVARCHAR(2000) NOT NULL,
    done INT NULL,
    total INT NULL,
    CONSTRAINT PK_run_steps PRIMARY KEY (run_id, step),
    CONSTRAINT FK_run_steps_runs FOREIGN KEY (run_id) REFERENCES dbo.runs (run_id) ON DELETE CASCADE
);
