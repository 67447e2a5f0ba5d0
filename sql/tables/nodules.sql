-- A nodule in a scan: x, y and z of its centre in DICOM's patient coordinates and its diameter, in millimetres. source truth: marked by
-- readers, of whom readers did, with the median of their impressions of malignancy, 1 to 5, which is no patient's label; network: found by
-- the network network_id with the probability score. One without a diameter is marked as a point only. content_sha256 is that of the scan.
CREATE TABLE dbo.nodules (
    nodule_id INT IDENTITY(1, 1) NOT NULL,
    scan_id INT NOT NULL,
    x FLOAT NOT NULL,
    y FLOAT NOT NULL,
    z FLOAT NOT NULL,
    diameter FLOAT NULL,
    source VARCHAR(7) NOT NULL,
    network_id INT NULL,
    score FLOAT NULL,
    readers TINYINT NULL,
    malignancy FLOAT NULL,
    content_sha256 VARBINARY(32) NOT NULL,
    CONSTRAINT PK_nodules PRIMARY KEY (nodule_id),
    CONSTRAINT FK_nodules_scans FOREIGN KEY (scan_id) REFERENCES dbo.scans (scan_id) ON DELETE CASCADE,
    CONSTRAINT FK_nodules_networks FOREIGN KEY (network_id) REFERENCES dbo.networks (network_id),
    CONSTRAINT CK_nodules_source CHECK (
        (source = 'truth' AND network_id IS NULL AND score IS NULL) OR (source = 'network' AND network_id IS NOT NULL)),
    CONSTRAINT CK_nodules_numbers CHECK (diameter > 0 AND score BETWEEN 0 AND 1 AND malignancy BETWEEN 1 AND 5)
);
CREATE INDEX IX_nodules_scan ON dbo.nodules (scan_id);
CREATE INDEX IX_nodules_network ON dbo.nodules (network_id);
