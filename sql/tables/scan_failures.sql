-- A scan that GenerateFeatures could not read. Storing features of the scan removes the row.
CREATE TABLE dbo.scan_failures (
    scan_id INT NOT NULL,            -- scan that could not be read, in dbo.scans
    message NVARCHAR(2000) NOT NULL, -- why it could not be read
    failed_at DATETIME2(3) NOT NULL CONSTRAINT DF_scan_failures_failed_at DEFAULT SYSUTCDATETIME(), -- when it was last tried, UTC
    CONSTRAINT PK_scan_failures PRIMARY KEY (scan_id),
    CONSTRAINT FK_scan_failures_scans FOREIGN KEY (scan_id) REFERENCES dbo.scans (scan_id) ON DELETE CASCADE
);
