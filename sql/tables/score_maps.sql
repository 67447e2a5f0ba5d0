-- Which regions of a slice a score came from: map is float32 little-endian, C order, map_rows x map_cols numbers in units of the margin,
-- laid evenly over the part of the slice that the network sees, from the pixel row first_row up to end_row, which is behind the last, and
-- columns alike; lowest and highest are of its numbers, map_sha256 of its bytes. The slices of a triple have the same map. position is
-- where the slice lies along the scan, in millimetres. method says how it was found: occlusion, what hiding a place takes from the margin,
-- which does not add up; or gradcam, exact shares that do, of a logistic regression over the mean of a map by lung or seed. Rows of a
-- triple and method are replaced together; of a preprocessing of steps the part is the whole slice.
CREATE TABLE dbo.score_maps (
    prediction_id INT NOT NULL,
    slice_index INT NOT NULL,
    method VARCHAR(16) NOT NULL,
    position FLOAT NULL,
    first_row INT NOT NULL,
    end_row INT NOT NULL,
    first_col INT NOT NULL,
    end_col INT NOT NULL,
    map_rows INT NOT NULL,
    map_cols INT NOT NULL,
    lowest FLOAT NOT NULL,
    highest FLOAT NOT NULL,
    map VARBINARY(MAX) NOT NULL,
    map_sha256 VARBINARY(32) NOT NULL,
    CONSTRAINT PK_score_maps PRIMARY KEY (prediction_id, slice_index, method),
    CONSTRAINT FK_score_maps_explanations FOREIGN KEY (prediction_id)
        REFERENCES dbo.score_explanations (prediction_id) ON DELETE CASCADE,
    CONSTRAINT CK_score_maps_size CHECK (slice_index >= 0 AND map_rows > 0 AND map_cols > 0),
    CONSTRAINT CK_score_maps_part CHECK (first_row >= 0 AND first_row < end_row AND first_col >= 0 AND first_col < end_col),
    CONSTRAINT CK_score_maps_method CHECK (method IN ('occlusion', 'gradcam'))
);
