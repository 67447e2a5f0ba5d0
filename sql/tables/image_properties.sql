-- What else a list of pictures says of one.
CREATE TABLE dbo.image_properties (
    name NVARCHAR(128) NOT NULL,     -- picture that it is said of, in dbo.images
    property NVARCHAR(128) NOT NULL, -- name of the column in the list
    value NVARCHAR(400) NOT NULL,    -- what stands there; an empty value has no row
    CONSTRAINT PK_image_properties PRIMARY KEY (name, property),
    CONSTRAINT FK_image_properties_images FOREIGN KEY (name) REFERENCES dbo.images (name) ON DELETE CASCADE
);
CREATE INDEX IX_image_properties_property ON dbo.image_properties (property, value);
