-- A file or series that was not taken, and why.
CREATE TABLE dbo.rejected_files (
    rejected_id INT IDENTITY(1, 1) NOT NULL, -- number of the row, rising with time
    reason NVARCHAR(64) NOT NULL,            -- kind of the fault, a word or two, to count by
    message NVARCHAR(400) NOT NULL,          -- what is wrong, in a sentence without names
    path_hash VARBINARY(32) NOT NULL,        -- keyed hash of the path, because folders bear patients' names
    seen_at DATETIME2(3) NOT NULL CONSTRAINT DF_rejected_files_seen_at DEFAULT SYSUTCDATETIME(), -- when it was first met, UTC
    CONSTRAINT PK_rejected_files PRIMARY KEY (rejected_id)
);
CREATE INDEX IX_rejected_files_path ON dbo.rejected_files (path_hash);
