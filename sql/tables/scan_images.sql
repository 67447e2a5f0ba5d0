-- An axial slice.
CREATE TABLE dbo.scan_images (
    scan_id INT NOT NULL,                 -- scan that it belongs to
    slice_index INT NOT NULL,             -- 0, 1, 2, … from the lowest slice up
    position_z FLOAT NULL,                -- in millimetres along the normal of the slices; NULL where the files do not tell it
    instance_uid NVARCHAR(64) NOT NULL,   -- DICOM's SOP Instance UID, as it is or replaced like the patient's id
    rescale_slope FLOAT NOT NULL,         -- factor from stored values to Hounsfield units in the file that it was read from; pixels has it
                                          -- applied
    rescale_intercept FLOAT NOT NULL,     -- summand from stored values to Hounsfield units in the file that it was read from; pixels has it
                                          -- applied
    pixels VARBINARY(MAX) NOT NULL,       -- Hounsfield units, int16, C order, compressed by gzip
    pixels_sha256 VARBINARY(32) NOT NULL, -- SHA-256 of the bytes of pixels
    encoding NVARCHAR(16) NULL,           -- how the bytes lie within the gzip: NULL is pixel after pixel, little-endian, as before schema
                                          -- version 8; shuffled is the low bytes of all pixels, then their high bytes
    CONSTRAINT PK_scan_images PRIMARY KEY (scan_id, slice_index),
    CONSTRAINT FK_scan_images_scans FOREIGN KEY (scan_id) REFERENCES dbo.scans (scan_id),
    CONSTRAINT CK_scan_images_index CHECK (slice_index >= 0),
    CONSTRAINT CK_scan_images_encoding CHECK (encoding = N'shuffled')
);
CREATE INDEX IX_scan_images_encoding ON dbo.scan_images (encoding);
