-- What a picture that TransformImages has made comes from: a slice of a scan, or another picture, with the SHA-256 that it had then, and
-- recipe, the JSON that says how: with it the picture can be made again. root_image is the picture at the beginning of a chain, whose part
-- all of it stays in. It refers to no scan, which may be replaced: then its hash differs. digest is over the UTF-16 bytes of recipe.
CREATE TABLE dbo.image_lineage (
    image_name NVARCHAR(128) NOT NULL,
    source_scan_id INT NULL,
    source_slice INT NULL,
    source_image NVARCHAR(128) NULL,
    root_image NVARCHAR(128) NULL,
    source_sha256 VARBINARY(32) NOT NULL,
    preprocessing NVARCHAR(32) NULL,
    recipe NVARCHAR(MAX) NOT NULL,
    digest VARBINARY(32) NOT NULL,
    made_at DATETIME2(3) NOT NULL CONSTRAINT DF_image_lineage_made_at DEFAULT SYSUTCDATETIME(),
    CONSTRAINT PK_image_lineage PRIMARY KEY (image_name),
    CONSTRAINT FK_image_lineage_images FOREIGN KEY (image_name) REFERENCES dbo.images (name) ON DELETE CASCADE,
    CONSTRAINT CK_image_lineage_recipe CHECK (ISJSON(recipe) = 1),
    CONSTRAINT CK_image_lineage_source CHECK (
        (source_scan_id IS NOT NULL AND source_slice IS NOT NULL AND source_image IS NULL AND root_image IS NULL)
        OR (source_scan_id IS NULL AND source_slice IS NULL AND source_image IS NOT NULL AND root_image IS NOT NULL))
);
