-- A class that a picture of a list or a pattern belongs to; it may have several, and then dbo.images.label is NULL. dbo.image_truth reads
-- both tables.
CREATE TABLE dbo.image_labels (
    name NVARCHAR(128) NOT NULL,
    label TINYINT NOT NULL,
    CONSTRAINT PK_image_labels PRIMARY KEY (name, label),
    CONSTRAINT FK_image_labels_images FOREIGN KEY (name) REFERENCES dbo.images (name) ON DELETE CASCADE
);
