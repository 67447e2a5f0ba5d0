-- Which regions of a slice a score came from: numbers laid evenly over the part of the slice that the network sees; of a preprocessing of
-- steps that is the whole slice. The slices of a triple have the same map and are replaced together; of a network of volumes each slice
-- has its own.
CREATE TABLE dbo.score_maps (
    prediction_id INT NOT NULL,        -- score that is explained, in dbo.predictions
    slice_index INT NOT NULL,          -- slice_index in dbo.scan_images
    method VARCHAR(16) NOT NULL,       -- occlusion: what hiding a place takes from the margin, which does not add up; gradcam: exact shares
                                       -- that do, of a logistic regression over the mean of a map by lung or seed
    position FLOAT NULL,               -- where the slice lies along the scan, in millimetres; NULL where it is not known
    first_row INT NOT NULL,            -- first row of pixels of the part, from 0
    end_row INT NOT NULL,              -- row of pixels behind the part's last
    first_col INT NOT NULL,            -- first column of pixels of the part, from 0
    end_col INT NOT NULL,              -- column of pixels behind the part's last
    map_rows INT NOT NULL,             -- rows of map
    map_cols INT NOT NULL,             -- columns of map
    lowest FLOAT NOT NULL,             -- least number of map, in units of the margin
    highest FLOAT NOT NULL,            -- largest number of map, in units of the margin
    map VARBINARY(MAX) NOT NULL,       -- float32, little-endian, C order, in units of the margin
    map_sha256 VARBINARY(32) NOT NULL, -- SHA-256 of the bytes of map
    CONSTRAINT PK_score_maps PRIMARY KEY (prediction_id, slice_index, method),
    CONSTRAINT FK_score_maps_explanations FOREIGN KEY (prediction_id)
        REFERENCES dbo.score_explanations (prediction_id) ON DELETE CASCADE,
    CONSTRAINT CK_score_maps_size CHECK (slice_index >= 0 AND map_rows > 0 AND map_cols > 0),
    CONSTRAINT CK_score_maps_part CHECK (first_row >= 0 AND first_row < end_row AND first_col >= 0 AND first_col < end_col),
    CONSTRAINT CK_score_maps_method CHECK (method IN ('occlusion', 'gradcam'))
);
