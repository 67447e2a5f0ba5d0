-- A scan whose slices are kept as a network reads them, before its own normalisation. GenerateFeatures makes, reads and drops the rows;
-- whoever deletes the scan deletes them with it.
CREATE TABLE dbo.prepared_scans (
    scan_id INT NOT NULL,                -- scan whose slices are kept
    preprocessing NVARCHAR(32) NOT NULL, -- name in dbo.preprocessings that they were prepared by
    picture_rows INT NOT NULL,           -- rows of a prepared slice
    picture_cols INT NOT NULL,           -- columns of a prepared slice
    bytes BIGINT NOT NULL,               -- what dbo.prepared_slices holds of it
    uses INT NOT NULL CONSTRAINT DF_prepared_scans_uses DEFAULT 0, -- how often they were read
    used_at DATETIME2(3) NOT NULL        -- when they were last read, or stored where they never were, UTC
        CONSTRAINT DF_prepared_scans_used_at DEFAULT SYSUTCDATETIME(),
    CONSTRAINT PK_prepared_scans PRIMARY KEY (scan_id, preprocessing, picture_rows, picture_cols),
    CONSTRAINT FK_prepared_scans_scans FOREIGN KEY (scan_id) REFERENCES dbo.scans (scan_id) ON DELETE CASCADE,
    CONSTRAINT CK_prepared_scans_size CHECK (picture_rows > 0 AND picture_cols > 0 AND bytes > 0)
);
