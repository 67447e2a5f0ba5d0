-- What else a list of pictures says of one: the name of the column and its value; an empty value has no row.
CREATE TABLE dbo.image_properties (
    name NVARCHAR(128) NOT NULL,
    property NVARCHAR(128) NOT NULL,
    value NVARCHAR(400) NOT NULL,
    CONSTRAINT PK_image_properties PRIMARY KEY (name, property),
    CONSTRAINT FK_image_properties_images FOREIGN KEY (name) REFERENCES dbo.images (name) ON DELETE CASCADE
);
CREATE INDEX IX_image_properties_property ON dbo.image_properties (property, value);
