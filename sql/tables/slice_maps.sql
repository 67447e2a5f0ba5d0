-- What a layer gave for a triple of slices before it was averaged. GenerateFeatures @KeepMaps makes the rows, within the setting
-- kept_maps_gigabytes; they go with the features.
CREATE TABLE dbo.slice_maps (
    scan_id INT NOT NULL,                   -- scan that it is of
    feature_set_id INT NOT NULL,            -- feature set whose layer it is of
    triple INT NOT NULL,                    -- number of the triple, from 0: the row in dbo.features
    channels INT NOT NULL,                  -- features of the layer
    map_rows INT NOT NULL,                  -- rows of a channel's map
    map_cols INT NOT NULL,                  -- columns of a channel's map
    scale FLOAT NOT NULL,                   -- power of two that the numbers of map are to be multiplied by; it brings the largest near the
                                            -- end of what float16 holds
    largest_error FLOAT NOT NULL,           -- largest difference from the float32 that the network gave
    largest_relative_error FLOAT NOT NULL,  -- largest difference of any value but 0 in parts of itself, 0 to 1
    map VARBINARY(MAX) NOT NULL,            -- channels x map_rows x map_cols numbers, float16, little-endian, C order
    sha256 VARBINARY(32) NOT NULL,          -- SHA-256 of the bytes of map
    features_sha256 VARBINARY(32) NOT NULL, -- SHA-256 of dbo.features.array, whose row the triple averages to
    CONSTRAINT PK_slice_maps PRIMARY KEY (scan_id, feature_set_id, triple),
    CONSTRAINT FK_slice_maps_features FOREIGN KEY (scan_id, feature_set_id)
        REFERENCES dbo.features (scan_id, feature_set_id) ON DELETE CASCADE,
    CONSTRAINT CK_slice_maps_size CHECK (triple >= 0 AND channels > 0 AND map_rows > 0 AND map_cols > 0 AND scale > 0),
    CONSTRAINT CK_slice_maps_loss CHECK (largest_error >= 0 AND largest_relative_error BETWEEN 0 AND 1)
);
