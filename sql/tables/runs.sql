-- A call of a procedure that reports how far it is, for whoever looks on from another connection. status is running until the call
-- ends; a call that was killed, or whose script failed, leaves it so, and its last row in dbo.run_steps says when it was last heard of.
-- message is the error that ended it. Numbers and counts only: no name or id of a patient.
CREATE TABLE dbo.runs (
    run_id INT IDENTITY(1, 1) NOT NULL,
    procedure_name NVARCHAR(128) NOT NULL,
    started_at DATETIME2(3) NOT NULL CONSTRAINT DF_runs_started_at DEFAULT SYSUTCDATETIME(),
    ended_at DATETIME2(3) NULL,
    status VARCHAR(10) NOT NULL CONSTRAINT DF_runs_status DEFAULT 'running',
    run_by NVARCHAR(128) NOT NULL
        CONSTRAINT DF_runs_run_by
        DEFAULT COALESCE(CAST(SESSION_CONTEXT(N'user') AS NVARCHAR(128)), ORIGINAL_LOGIN()),
    host NVARCHAR(128) NULL CONSTRAINT DF_runs_host DEFAULT HOST_NAME(),
    session_id INT NOT NULL CONSTRAINT DF_runs_session_id DEFAULT @@SPID,
    done INT NOT NULL CONSTRAINT DF_runs_done DEFAULT 0,
    total INT NULL,
    failed INT NOT NULL CONSTRAINT DF_runs_failed DEFAULT 0,
    message NVARCHAR(2000) NULL,
    CONSTRAINT PK_runs PRIMARY KEY (run_id),
    CONSTRAINT CK_runs_status CHECK (status IN ('running', 'done', 'failed')),
    CONSTRAINT CK_runs_counts CHECK (done >= 0 AND total >= 0 AND failed >= 0)
);
CREATE INDEX IX_runs_status ON dbo.runs (status);
