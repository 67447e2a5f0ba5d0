-- What a picture that TransformImages has made comes from: a slice of a scan, or another picture, and how, so that it can be made again. It
-- refers to no scan, which may be replaced: then its hash differs.
CREATE TABLE dbo.image_lineage (
    image_name NVARCHAR(128) NOT NULL,    -- the picture that was made
    source_scan_id INT NULL,              -- scan that it was made of; NULL where that was a picture
    source_slice INT NULL,                -- slice_index in dbo.scan_images; NULL where it was made of a picture
    source_image NVARCHAR(128) NULL,      -- picture that it was made of; NULL where that was a slice
    root_image NVARCHAR(128) NULL,        -- picture that a chain begins with, whose part all of it stays in; NULL where it was made of a
                                          -- slice
    source_sha256 VARBINARY(32) NOT NULL, -- SHA-256 that the source had then: of the scan (content_sha256) or the picture (sha256)
    preprocessing NVARCHAR(32) NULL,      -- name in dbo.preprocessings that recipe was taken from; NULL where steps were given
    recipe NVARCHAR(MAX) NOT NULL,        -- JSON that says how it was made
    digest VARBINARY(32) NOT NULL,        -- SHA-256 of recipe in UTF-16
    made_at DATETIME2(3) NOT NULL CONSTRAINT DF_image_lineage_made_at DEFAULT SYSUTCDATETIME(), -- when it was made, UTC
    CONSTRAINT PK_image_lineage PRIMARY KEY (image_name),
    CONSTRAINT FK_image_lineage_images FOREIGN KEY (image_name) REFERENCES dbo.images (name) ON DELETE CASCADE,
    CONSTRAINT CK_image_lineage_recipe CHECK (ISJSON(recipe) = 1),
    CONSTRAINT CK_image_lineage_source CHECK (
        (source_scan_id IS NOT NULL AND source_slice IS NOT NULL AND source_image IS NULL AND root_image IS NULL)
        OR (source_scan_id IS NULL AND source_slice IS NULL AND source_image IS NOT NULL AND root_image IS NOT NULL))
);
