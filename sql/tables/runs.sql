-- A call of a procedure or loader that takes long, for whoever looks on from another connection and for the time after. status is running
-- until it ends; one that was killed, or whose script failed, leaves it so, and dbo.run_log tells that by the lock of its session. message
-- is the error that ended it, result what it gave. arguments are JSON, without names, ids and indices of patients. login is
-- who connected; run_by is whom a page that many use has named. nesting is @@NESTLEVEL of the procedure.
CREATE TABLE dbo.runs (
    run_id INT IDENTITY(1, 1) NOT NULL,
    procedure_name NVARCHAR(128) NOT NULL,
    started_at DATETIME2(3) NOT NULL CONSTRAINT DF_runs_started_at DEFAULT SYSUTCDATETIME(),
    ended_at DATETIME2(3) NULL,
    status VARCHAR(10) NOT NULL CONSTRAINT DF_runs_status DEFAULT 'running',
    run_by NVARCHAR(128) NOT NULL
        CONSTRAINT DF_runs_run_by
        DEFAULT COALESCE(CAST(SESSION_CONTEXT(N'user') AS NVARCHAR(128)), ORIGINAL_LOGIN()),
    login NVARCHAR(128) NULL CONSTRAINT DF_runs_login DEFAULT ORIGINAL_LOGIN(),
    host NVARCHAR(128) NULL CONSTRAINT DF_runs_host DEFAULT HOST_NAME(),
    session_id INT NOT NULL CONSTRAINT DF_runs_session_id DEFAULT @@SPID,
    nesting SMALLINT NULL,
    arguments NVARCHAR(MAX) NULL,
    done INT NOT NULL CONSTRAINT DF_runs_done DEFAULT 0,
    total INT NULL,
    failed INT NOT NULL CONSTRAINT DF_runs_failed DEFAULT 0,
    scans INT NULL,
    slices BIGINT NULL,
    seconds FLOAT NULL,
    provider NVARCHAR(128) NULL,
    result NVARCHAR(2000) NULL,
    message NVARCHAR(2000) NULL,
    CONSTRAINT PK_runs PRIMARY KEY (run_id),
    CONSTRAINT CK_runs_status CHECK (status IN ('running', 'done', 'failed')),
    CONSTRAINT CK_runs_counts CHECK (done >= 0 AND total >= 0 AND failed >= 0),
    CONSTRAINT CK_runs_arguments CHECK (ISJSON(arguments) = 1)
);
CREATE INDEX IX_runs_status ON dbo.runs (status);
