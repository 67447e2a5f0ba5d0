-- A slice of dbo.prepared_scans.
CREATE TABLE dbo.prepared_slices (
    scan_id INT NOT NULL,                -- scan of the slice
    preprocessing NVARCHAR(32) NOT NULL, -- name in dbo.preprocessings that it was prepared by
    picture_rows INT NOT NULL,           -- rows of picture
    picture_cols INT NOT NULL,           -- columns of picture
    slice_index INT NOT NULL,            -- slice_index in dbo.scan_images
    digest VARBINARY(32) NOT NULL,       -- hash of what has prepared it (lungdb.imaging.prepared); a slice with another one is made again
    picture VARBINARY(MAX) NOT NULL,     -- C order, little-endian; uint8 with the preprocessing seed, float32 with any other
    sha256 VARBINARY(32) NOT NULL,       -- SHA-256 of the bytes of picture
    CONSTRAINT PK_prepared_slices PRIMARY KEY (scan_id, preprocessing, picture_rows, picture_cols, slice_index),
    CONSTRAINT FK_prepared_slices_scans FOREIGN KEY (scan_id, preprocessing, picture_rows, picture_cols)
        REFERENCES dbo.prepared_scans (scan_id, preprocessing, picture_rows, picture_cols) ON DELETE CASCADE
);
