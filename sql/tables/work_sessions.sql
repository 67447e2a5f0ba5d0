-- A session that takes part in a work. It holds the session lock (sp_getapplock) that worker names, so that others see when it has ended,
-- however it did.
CREATE TABLE dbo.work_sessions (
    work_id INT NOT NULL,
    worker NVARCHAR(128) NOT NULL,
    joined_at DATETIME2(3) NOT NULL CONSTRAINT DF_work_sessions_joined_at DEFAULT SYSUTCDATETIME(),
    CONSTRAINT PK_work_sessions PRIMARY KEY (work_id, worker),
    CONSTRAINT FK_work_sessions_work FOREIGN KEY (work_id) REFERENCES dbo.work (work_id) ON DELETE CASCADE
);
CREATE INDEX IX_work_sessions_worker ON dbo.work_sessions (worker);
