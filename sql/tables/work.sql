-- What several sessions work on together. Its scans, pictures or scores are in dbo.work_items, who takes part in dbo.work_sessions. The
-- last session that takes part deletes what is done.
CREATE TABLE dbo.work (
    work_id INT IDENTITY(1, 1) NOT NULL,   -- number of the work
    procedure_name NVARCHAR(128) NOT NULL, -- procedure that does it, such as GenerateFeatures
    arguments NVARCHAR(MAX) NOT NULL,      -- JSON: the arguments that make it the same work
    digest VARBINARY(32) NOT NULL,         -- SHA-256 of procedure_name, a space and arguments in UTF-16, by which others find the work
    is_queued BIT NOT NULL                 -- 1 where QueueFeatures or QueueImages has put it there: it stays until it is done
        CONSTRAINT DF_work_is_queued DEFAULT 0,
    created_at DATETIME2(3) NOT NULL CONSTRAINT DF_work_created_at DEFAULT SYSUTCDATETIME(), -- when it was put there, UTC
    CONSTRAINT PK_work PRIMARY KEY (work_id),
    CONSTRAINT UQ_work_digest UNIQUE (digest),
    CONSTRAINT CK_work_arguments CHECK (ISJSON(arguments) = 1)
);
