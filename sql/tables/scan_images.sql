-- An axial slice: Hounsfield units, int16, C order, gzip. position_z is in millimetres along the normal. encoding says how the bytes lie:
-- NULL is pixel after pixel, little-endian, as before schema version 8; N'shuffled' is the low bytes of all pixels, then their high bytes.
CREATE TABLE dbo.scan_images (
    scan_id INT NOT NULL,
    slice_index INT NOT NULL,
    position_z FLOAT NULL,
    instance_uid NVARCHAR(64) NOT NULL,
    rescale_slope FLOAT NOT NULL,
    rescale_intercept FLOAT NOT NULL,
    pixels VARBINARY(MAX) NOT NULL,
    pixels_sha256 VARBINARY(32) NOT NULL,
    encoding NVARCHAR(16) NULL,
    CONSTRAINT PK_scan_images PRIMARY KEY (scan_id, slice_index),
    CONSTRAINT FK_scan_images_scans FOREIGN KEY (scan_id) REFERENCES dbo.scans (scan_id),
    CONSTRAINT CK_scan_images_index CHECK (slice_index >= 0),
    CONSTRAINT CK_scan_images_encoding CHECK (encoding = N'shuffled')
);
CREATE INDEX IX_scan_images_encoding ON dbo.scan_images (encoding);
