-- The truth for a scan within a horizon. A scan of which that is not known has no row.
CREATE TABLE dbo.scan_labels (
    scan_id INT NOT NULL,      -- scan whose truth it is, in dbo.scans
    horizon_days INT NOT NULL, -- days from the scan on that the label speaks of
    label TINYINT NOT NULL,    -- 1 where cancer was found within the horizon, 0 where it is known that none was
    source NVARCHAR(200) NULL, -- what says so, such as the file that it was loaded from; NULL where that is not told
    CONSTRAINT PK_scan_labels PRIMARY KEY (scan_id, horizon_days),
    CONSTRAINT FK_scan_labels_scans FOREIGN KEY (scan_id) REFERENCES dbo.scans (scan_id) ON DELETE CASCADE,
    CONSTRAINT CK_scan_labels_horizon CHECK (horizon_days > 0)
);
