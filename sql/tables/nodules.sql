-- A nodule in a scan, in DICOM's patient coordinates: marked by readers (source truth), or found by a network.
CREATE TABLE dbo.nodules (
    nodule_id INT IDENTITY(1, 1) NOT NULL, -- number of the nodule
    scan_id INT NOT NULL,                  -- scan that it lies in
    x FLOAT NOT NULL,                      -- of its centre, in millimetres, to the patient's left
    y FLOAT NOT NULL,                      -- of its centre, in millimetres, to the patient's back
    z FLOAT NOT NULL,                      -- of its centre, in millimetres, to the patient's head
    diameter FLOAT NULL,                   -- in millimetres; NULL where it is marked as a point only
    source VARCHAR(7) NOT NULL,            -- truth: marked by readers; network: found by one
    network_id INT NULL,                   -- network that found it; NULL of truth
    score FLOAT NULL,                      -- probability that the network gave, 0 to 1; NULL of truth
    readers TINYINT NULL,                  -- how many readers marked it; NULL where that is not known
    malignancy FLOAT NULL,                 -- median of the readers' impressions, 1 to 5, no patient's label; NULL where none is given
    content_sha256 VARBINARY(32) NOT NULL, -- of the scan that it was marked in, as dbo.scans had it
    volume FLOAT NULL,                     -- in cubic millimetres; NULL where it is not known
    preprocessing NVARCHAR(32) NULL,       -- preprocessing by which the network found it; NULL of truth and where it is not told
    is_relevant BIT NOT NULL               -- 0 of what readers found and is neither a nodule to be found nor a false alarm
        CONSTRAINT DF_nodules_is_relevant DEFAULT 1,
    CONSTRAINT PK_nodules PRIMARY KEY (nodule_id),
    CONSTRAINT FK_nodules_scans FOREIGN KEY (scan_id) REFERENCES dbo.scans (scan_id) ON DELETE CASCADE,
    CONSTRAINT FK_nodules_networks FOREIGN KEY (network_id) REFERENCES dbo.networks (network_id),
    CONSTRAINT CK_nodules_source CHECK (
        (source = 'truth' AND network_id IS NULL AND score IS NULL) OR (source = 'network' AND network_id IS NOT NULL)),
    CONSTRAINT CK_nodules_numbers CHECK (diameter > 0 AND score BETWEEN 0 AND 1 AND malignancy BETWEEN 1 AND 5),
    CONSTRAINT CK_nodules_volume CHECK (volume > 0)
);
CREATE INDEX IX_nodules_scan ON dbo.nodules (scan_id);
CREATE INDEX IX_nodules_network ON dbo.nodules (network_id);
