-- A scan whose slices are kept as a network reads them, before its own normalisation: picture_rows and picture_cols large. bytes is
-- what dbo.prepared_slices holds of it, uses how often they were read, used_at when last, or when they were stored. GenerateFeatures makes,
-- reads and drops the rows; whoever deletes the scan deletes them with it.
CREATE TABLE dbo.prepared_scans (
    scan_id INT NOT NULL,
    preprocessing NVARCHAR(32) NOT NULL,
    picture_rows INT NOT NULL,
    picture_cols INT NOT NULL,
    bytes BIGINT NOT NULL,
    uses INT NOT NULL CONSTRAINT DF_prepared_scans_uses DEFAULT 0,
    used_at DATETIME2(3) NOT NULL CONSTRAINT DF_prepared_scans_used_at DEFAULT SYSUTCDATETIME(),
    CONSTRAINT PK_prepared_scans PRIMARY KEY (scan_id, preprocessing, picture_rows, picture_cols),
    CONSTRAINT FK_prepared_scans_scans FOREIGN KEY (scan_id) REFERENCES dbo.scans (scan_id) ON DELETE CASCADE,
    CONSTRAINT CK_prepared_scans_size CHECK (picture_rows > 0 AND picture_cols > 0 AND bytes > 0)
);
