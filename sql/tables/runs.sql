-- A call of a procedure or loader that takes long, for whoever looks on from another connection and for the time after.
CREATE TABLE dbo.runs (
    run_id INT IDENTITY(1, 1) NOT NULL,    -- number of the run, rising with time
    procedure_name NVARCHAR(128) NOT NULL, -- procedure, or command of lungdb such as load-scans
    started_at DATETIME2(3) NOT NULL CONSTRAINT DF_runs_started_at DEFAULT SYSUTCDATETIME(), -- when it began, UTC
    ended_at DATETIME2(3) NULL,            -- when it ended, UTC; NULL while it goes on, and of one that ended without a word
    status VARCHAR(10) NOT NULL            -- running, done or failed; one that was killed, or whose script failed, stays running:
                                           -- dbo.run_log tells it by the lock of its session
        CONSTRAINT DF_runs_status DEFAULT 'running',
    run_by NVARCHAR(128) NOT NULL          -- who ran it: the user that the session names (SESSION_CONTEXT), such as the page's, else the
                                           -- login
        CONSTRAINT DF_runs_run_by
        DEFAULT COALESCE(CAST(SESSION_CONTEXT(N'user') AS NVARCHAR(128)), ORIGINAL_LOGIN()),
    login NVARCHAR(128) NULL CONSTRAINT DF_runs_login DEFAULT ORIGINAL_LOGIN(), -- login that was connected; NULL before version 10
    host NVARCHAR(128) NULL CONSTRAINT DF_runs_host DEFAULT HOST_NAME(), -- name of the client's machine; NULL where it is not told
    session_id INT NOT NULL CONSTRAINT DF_runs_session_id DEFAULT @@SPID, -- number of the session on the server (@@SPID)
    nesting SMALLINT NULL,                 -- @@NESTLEVEL of the procedure, 0 between the calls of a session; NULL before version 10
    arguments NVARCHAR(MAX) NULL,          -- JSON of what it was called with, without names, ids and indices of patients; NULL where not
                                           -- told
    done INT NOT NULL CONSTRAINT DF_runs_done DEFAULT 0, -- how much of total is done
    total INT NULL,                        -- how much there is to do; NULL where it is not known
    failed INT NOT NULL CONSTRAINT DF_runs_failed DEFAULT 0, -- scans, pictures or files of it that failed
    scans INT NULL,                        -- scans of the run; NULL where none are counted
    slices BIGINT NULL,                    -- slices of these scans; NULL where none are counted
    seconds FLOAT NULL,                    -- seconds from started_at to ended_at; NULL while it goes on
    provider NVARCHAR(128) NULL,           -- ONNX Runtime's execution provider; NULL where none ran
    result NVARCHAR(2000) NULL,            -- what it gave; NULL where it has not ended well
    message NVARCHAR(2000) NULL,           -- error that ended it; NULL where none did
    CONSTRAINT PK_runs PRIMARY KEY (run_id),
    CONSTRAINT CK_runs_status CHECK (status IN ('running', 'done', 'failed')),
    CONSTRAINT CK_runs_counts CHECK (done >= 0 AND total >= 0 AND failed >= 0),
    CONSTRAINT CK_runs_arguments CHECK (ISJSON(arguments) = 1)
);
CREATE INDEX IX_runs_status ON dbo.runs (status);
CREATE INDEX IX_runs_started ON dbo.runs (started_at);
