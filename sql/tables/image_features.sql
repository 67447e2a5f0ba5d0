-- The features of a picture.
CREATE TABLE dbo.image_features (
    name NVARCHAR(128) NOT NULL,   -- picture that they are of, in dbo.images
    feature_set_id INT NOT NULL,   -- feature set that they are of, in dbo.feature_sets
    array_rows INT NOT NULL,       -- rows of array: 1
    array_cols INT NOT NULL,       -- columns of array: features, as the feature set's width says
    array VARBINARY(MAX) NOT NULL, -- float32, little-endian, C order
    sha256 VARBINARY(32) NOT NULL, -- SHA-256 of the bytes of array
    CONSTRAINT PK_image_features PRIMARY KEY (name, feature_set_id),
    CONSTRAINT FK_image_features_images FOREIGN KEY (name) REFERENCES dbo.images (name),
    CONSTRAINT FK_image_features_feature_sets FOREIGN KEY (feature_set_id)
        REFERENCES dbo.feature_sets (feature_set_id)
);
CREATE INDEX IX_image_features_feature_set ON dbo.image_features (feature_set_id);
