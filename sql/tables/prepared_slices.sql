-- A slice of dbo.prepared_scans: C order, little-endian, float32 with the preprocessing lung and uint8 with seed. sha256 is over these
-- bytes, digest says what has prepared them (lungdb.imaging.prepared): what has another one is made again.
CREATE TABLE dbo.prepared_slices (
    scan_id INT NOT NULL,
    preprocessing NVARCHAR(32) NOT NULL,
    picture_rows INT NOT NULL,
    picture_cols INT NOT NULL,
    slice_index INT NOT NULL,
    digest VARBINARY(32) NOT NULL,
    picture VARBINARY(MAX) NOT NULL,
    sha256 VARBINARY(32) NOT NULL,
    CONSTRAINT PK_prepared_slices PRIMARY KEY (scan_id, preprocessing, picture_rows, picture_cols, slice_index),
    CONSTRAINT FK_prepared_slices_scans FOREIGN KEY (scan_id, preprocessing, picture_rows, picture_cols)
        REFERENCES dbo.prepared_scans (scan_id, preprocessing, picture_rows, picture_cols) ON DELETE CASCADE
);
