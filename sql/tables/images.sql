-- A picture that is not a scan: a PNG or JPEG file as it was, its SHA-256, and the number of its class, 0 to 255, NULL
-- where it is not known.
CREATE TABLE dbo.images (
    name NVARCHAR(128) NOT NULL,
    image VARBINARY(MAX) NOT NULL,
    label TINYINT NULL,
    sha256 VARBINARY(32) NOT NULL,
    CONSTRAINT PK_images PRIMARY KEY (name)
);
