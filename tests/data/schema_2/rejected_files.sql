-- A file or series that was not taken, and why. path_hash is keyed, because folders bear patients' names.
CREATE TABLE dbo.rejected_files (
    rejected_id INT IDENTITY(1, 1) NOT NULL,
    reason NVARCHAR(64) NOT NULL,
    message NVARCHAR(400) NOT NULL,
    path_hash VARBINARY(32) NOT NULL,
    seen_at DATETIME2(3) NOT NULL CONSTRAINT DF_rejected_files_seen_at DEFAULT SYSUTCDATETIME(),
    CONSTRAINT PK_rejected_files PRIMARY KEY (rejected_id)
);
CREATE INDEX IX_rejected_files_path ON dbo.rejected_files (path_hash);
