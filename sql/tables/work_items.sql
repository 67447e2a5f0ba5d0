-- A piece of work: the number of a scan or score, or the name of a picture. leased: worker has it until leased_until, unless that session
-- ends before. attempts counts the leases, so that a session knows whether its own is still the last. bytes is how much it counts in a
-- chunk; seconds how long the chunk took that it was done in; error and error_number why it failed.
CREATE TABLE dbo.work_items (
    work_id INT NOT NULL,
    item NVARCHAR(128) NOT NULL,
    bytes BIGINT NOT NULL,
    state VARCHAR(10) NOT NULL CONSTRAINT DF_work_items_state DEFAULT 'open',
    worker NVARCHAR(128) NULL,
    attempts INT NOT NULL CONSTRAINT DF_work_items_attempts DEFAULT 0,
    leased_at DATETIME2(3) NULL,
    leased_until DATETIME2(3) NULL,
    seconds FLOAT NULL,
    error_number INT NULL,
    error NVARCHAR(2000) NULL,
    CONSTRAINT PK_work_items PRIMARY KEY (work_id, item),
    CONSTRAINT FK_work_items_work FOREIGN KEY (work_id) REFERENCES dbo.work (work_id) ON DELETE CASCADE,
    CONSTRAINT CK_work_items_state CHECK (state IN ('open', 'leased', 'done', 'failed')),
    CONSTRAINT CK_work_items_lease CHECK (state <> 'leased' OR (worker IS NOT NULL AND leased_until IS NOT NULL))
);
CREATE INDEX IX_work_items_state ON dbo.work_items (work_id, state);
CREATE INDEX IX_work_items_worker ON dbo.work_items (worker, state);
