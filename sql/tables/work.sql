-- What several sessions work on together: the procedure that does it, and as JSON the arguments that make it the same work. Its scans,
-- pictures or scores are in dbo.work_items, who takes part in dbo.work_sessions. is_queued: QueueFeatures or QueueImages
-- has put it there, so that it stays until it is done although nobody takes part. The last session that takes part deletes what is done.
CREATE TABLE dbo.work (
    work_id INT IDENTITY(1, 1) NOT NULL,
    procedure_name NVARCHAR(128) NOT NULL,
    arguments NVARCHAR(MAX) NOT NULL,
    digest VARBINARY(32) NOT NULL,
    is_queued BIT NOT NULL CONSTRAINT DF_work_is_queued DEFAULT 0,
    created_at DATETIME2(3) NOT NULL CONSTRAINT DF_work_created_at DEFAULT SYSUTCDATETIME(),
    CONSTRAINT PK_work PRIMARY KEY (work_id),
    CONSTRAINT UQ_work_digest UNIQUE (digest),
    CONSTRAINT CK_work_arguments CHECK (ISJSON(arguments) = 1)
);
