-- The name of a class of pictures. load-images numbers the names of a list or a pattern in their order, after the numbers that are taken,
-- and a name keeps its number.
CREATE TABLE dbo.image_classes (
    label TINYINT NOT NULL,
    name NVARCHAR(128) NOT NULL,
    CONSTRAINT PK_image_classes PRIMARY KEY (label),
    CONSTRAINT UQ_image_classes_name UNIQUE (name)
);
