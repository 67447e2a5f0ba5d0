-- A report that somebody wrote about a patient, such as of a scan.
CREATE TABLE dbo.reports (
    report_id INT IDENTITY(1, 1) NOT NULL, -- number of the report
    patient_id NVARCHAR(64) NOT NULL,      -- patient whom it is about
    scan_id INT NULL,                      -- scan that it is of, in dbo.scans; NULL where that is not told, or the scan was deleted
    kind NVARCHAR(40) NULL,                -- what it is, such as radiology; NULL where that is not told
    source NVARCHAR(200) NULL,             -- the file that it was loaded from; NULL where that is not told
    text NVARCHAR(MAX) NOT NULL,           -- what it says, as it was loaded: names within it are not taken out
    text_sha256 VARBINARY(32) NOT NULL,    -- of the text's UTF-16 bytes, as HASHBYTES sees them
    CONSTRAINT PK_reports PRIMARY KEY (report_id),
    CONSTRAINT UQ_reports_text UNIQUE (patient_id, text_sha256),
    CONSTRAINT FK_reports_patients FOREIGN KEY (patient_id) REFERENCES dbo.patients (patient_id),
    CONSTRAINT FK_reports_scans FOREIGN KEY (scan_id) REFERENCES dbo.scans (scan_id) ON DELETE SET NULL
);
CREATE INDEX IX_reports_scan ON dbo.reports (scan_id);
