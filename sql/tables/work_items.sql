-- A piece of work.
CREATE TABLE dbo.work_items (
    work_id INT NOT NULL,           -- work that it belongs to, in dbo.work
    item NVARCHAR(128) NOT NULL,    -- number of a scan or score, or name of a picture
    bytes BIGINT NOT NULL,          -- how much it counts in a chunk
    state VARCHAR(10) NOT NULL CONSTRAINT DF_work_items_state DEFAULT 'open', -- open, leased (worker has it), done or failed
    worker NVARCHAR(128) NULL,      -- session that has or had it, as dbo.work_sessions names it; NULL where none has
    attempts INT NOT NULL           -- how often it was leased, so that a session knows whether its own lease is still the last
        CONSTRAINT DF_work_items_attempts DEFAULT 0,
    leased_at DATETIME2(3) NULL,    -- when it was last leased, UTC; NULL where it never was
    leased_until DATETIME2(3) NULL, -- UTC, until when worker has it, unless that session ends before; NULL where it never was leased
    seconds FLOAT NULL,             -- how long the chunk took that it was done in; NULL until it is done
    error_number INT NULL,          -- error that it failed with; NULL where it did not
    error NVARCHAR(2000) NULL,      -- why it failed; NULL where it did not
    CONSTRAINT PK_work_items PRIMARY KEY (work_id, item),
    CONSTRAINT FK_work_items_work FOREIGN KEY (work_id) REFERENCES dbo.work (work_id) ON DELETE CASCADE,
    CONSTRAINT CK_work_items_state CHECK (state IN ('open', 'leased', 'done', 'failed')),
    CONSTRAINT CK_work_items_lease CHECK (state <> 'leased' OR (worker IS NOT NULL AND leased_until IS NOT NULL))
);
CREATE INDEX IX_work_items_state ON dbo.work_items (work_id, state);
CREATE INDEX IX_work_items_worker ON dbo.work_items (worker, state);
