-- A class that a picture of a list or a pattern belongs to. dbo.image_truth reads this table and dbo.images.
CREATE TABLE dbo.image_labels (
    name NVARCHAR(128) NOT NULL, -- the picture, which may have several rows; then dbo.images.label is NULL
    label TINYINT NOT NULL,      -- number of the class in dbo.image_classes
    CONSTRAINT PK_image_labels PRIMARY KEY (name, label),
    CONSTRAINT FK_image_labels_images FOREIGN KEY (name) REFERENCES dbo.images (name) ON DELETE CASCADE
);
