-- A session that takes part in a work.
CREATE TABLE dbo.work_sessions (
    work_id INT NOT NULL,          -- work that it takes part in, in dbo.work
    worker NVARCHAR(128) NOT NULL, -- its name, and that of the lock (sp_getapplock) that it holds, which tells others when it has ended
    joined_at DATETIME2(3) NOT NULL CONSTRAINT DF_work_sessions_joined_at DEFAULT SYSUTCDATETIME(), -- when it joined, UTC
    CONSTRAINT PK_work_sessions PRIMARY KEY (work_id, worker),
    CONSTRAINT FK_work_sessions_work FOREIGN KEY (work_id) REFERENCES dbo.work (work_id) ON DELETE CASCADE
);
CREATE INDEX IX_work_sessions_worker ON dbo.work_sessions (worker);
