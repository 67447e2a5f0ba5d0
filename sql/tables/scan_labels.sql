-- The truth for a scan within a horizon: 1 where cancer was found within so many days of it, 0 where it is known that none was. A scan of
-- which that is not known has no row.
CREATE TABLE dbo.scan_labels (
    scan_id INT NOT NULL,
    horizon_days INT NOT NULL,
    label TINYINT NOT NULL,
    source NVARCHAR(200) NULL,
    CONSTRAINT PK_scan_labels PRIMARY KEY (scan_id, horizon_days),
    CONSTRAINT FK_scan_labels_scans FOREIGN KEY (scan_id) REFERENCES dbo.scans (scan_id) ON DELETE CASCADE,
    CONSTRAINT CK_scan_labels_horizon CHECK (horizon_days > 0)
);
