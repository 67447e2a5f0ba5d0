-- What a layer gave for a triple of slices before it was averaged: a map of channels x map_rows x map_cols numbers, C order, float16
-- little-endian, to be multiplied by scale, a power of two that brings the largest near the end of what float16 holds. largest_error is
-- the largest difference from the float32 that the network gave, largest_relative_error that of any value but 0 in parts of itself. sha256
-- is over the bytes; features_sha256 is that of dbo.features.array, whose row the triple averages to. GenerateFeatures @KeepMaps makes the
-- rows, within the setting kept_maps_gigabytes; they go with the features.
CREATE TABLE dbo.slice_maps (
    scan_id INT NOT NULL,
    feature_set_id INT NOT NULL,
    triple INT NOT NULL,
    channels INT NOT NULL,
    map_rows INT NOT NULL,
    map_cols INT NOT NULL,
    scale FLOAT NOT NULL,
    largest_error FLOAT NOT NULL,
    largest_relative_error FLOAT NOT NULL,
    map VARBINARY(MAX) NOT NULL,
    sha256 VARBINARY(32) NOT NULL,
    features_sha256 VARBINARY(32) NOT NULL,
    CONSTRAINT PK_slice_maps PRIMARY KEY (scan_id, feature_set_id, triple),
    CONSTRAINT FK_slice_maps_features FOREIGN KEY (scan_id, feature_set_id)
        REFERENCES dbo.features (scan_id, feature_set_id) ON DELETE CASCADE,
    CONSTRAINT CK_slice_maps_size CHECK (triple >= 0 AND channels > 0 AND map_rows > 0 AND map_cols > 0 AND scale > 0),
    CONSTRAINT CK_slice_maps_loss CHECK (largest_error >= 0 AND largest_relative_error BETWEEN 0 AND 1)
);
