-- A class of pictures.
CREATE TABLE dbo.image_classes (
    label TINYINT NOT NULL,      -- number of the class, 0 to 255
    name NVARCHAR(128) NOT NULL, -- name of the class, which keeps its number; load-images numbers those of a list or a pattern in their
                                 -- order, after the numbers taken
    CONSTRAINT PK_image_classes PRIMARY KEY (label),
    CONSTRAINT UQ_image_classes_name UNIQUE (name)
);
