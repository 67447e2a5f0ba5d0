-- A picture that is not a scan.
CREATE TABLE dbo.images (
    name NVARCHAR(128) NOT NULL,
    image VARBINARY(MAX) NOT NULL,
    label TINYINT NULL,
    CONSTRAINT PK_images PRIMARY KEY (name)
);
