-- What a combined feature set is made of, in order: the vectors of a pooling of another set, or a column of a view or table that has a
-- scan_id.
CREATE TABLE dbo.feature_parts (
    feature_set_id INT NOT NULL,    -- the combined feature set
    position INT NOT NULL,          -- order in the set
    part_feature_set_id INT NULL,   -- feature set that the part comes from; NULL of a column
    pooling NVARCHAR(32) NULL,      -- pooling of the part's vectors; NULL of a column
    source NVARCHAR(257) NULL,      -- schema and name of the view or table that the column is read from; NULL of a feature set
    column_name NVARCHAR(128) NULL, -- column of source; NULL of a feature set
    first_index INT NOT NULL,       -- where its values begin in the vector, from 0
    width INT NOT NULL,             -- how many values of the vector they are; 1 of a column
    CONSTRAINT PK_feature_parts PRIMARY KEY (feature_set_id, position),
    CONSTRAINT FK_feature_parts_feature_sets FOREIGN KEY (feature_set_id) REFERENCES dbo.feature_sets (feature_set_id),
    CONSTRAINT FK_feature_parts_parts FOREIGN KEY (part_feature_set_id) REFERENCES dbo.feature_sets (feature_set_id),
    CONSTRAINT CK_feature_parts_kind CHECK (
        (part_feature_set_id IS NOT NULL AND pooling IS NOT NULL AND source IS NULL AND column_name IS NULL)
        OR (part_feature_set_id IS NULL AND pooling IS NULL AND source IS NOT NULL AND column_name IS NOT NULL AND width = 1))
);
CREATE INDEX IX_feature_parts_part ON dbo.feature_parts (part_feature_set_id);
