-- The features of a picture, in the form of dbo.features, with one row.
CREATE TABLE dbo.image_features (
    name NVARCHAR(128) NOT NULL,
    feature_set_id INT NOT NULL,
    array_rows INT NOT NULL,
    array_cols INT NOT NULL,
    array VARBINARY(MAX) NOT NULL,
    sha256 VARBINARY(32) NOT NULL,
    CONSTRAINT PK_image_features PRIMARY KEY (name, feature_set_id),
    CONSTRAINT FK_image_features_images FOREIGN KEY (name) REFERENCES dbo.images (name),
    CONSTRAINT FK_image_features_feature_sets FOREIGN KEY (feature_set_id)
        REFERENCES dbo.feature_sets (feature_set_id)
);
CREATE INDEX IX_image_features_feature_set ON dbo.image_features (feature_set_id);
