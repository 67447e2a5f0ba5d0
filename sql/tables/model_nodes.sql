-- The trees of a LightGBM model. Node 0 is the root of its tree; a leaf has a value and nothing else. A value at most the
-- threshold goes left. missing is LightGBM's rule: none takes a missing value for 0, nan sends a missing one in the default
-- direction, zero sends a missing one and 0 there.
CREATE TABLE dbo.model_nodes (
    classifier_id INT NOT NULL,
    tree INT NOT NULL,
    node INT NOT NULL,
    feature_index INT NULL,
    threshold FLOAT NULL,
    missing VARCHAR(4) NULL,
    default_left BIT NULL,
    left_node INT NULL,
    right_node INT NULL,
    leaf_value FLOAT NULL,
    CONSTRAINT PK_model_nodes PRIMARY KEY (classifier_id, tree, node),
    CONSTRAINT FK_model_nodes_scoring FOREIGN KEY (classifier_id) REFERENCES dbo.model_scoring (classifier_id),
    CONSTRAINT CK_model_nodes_kind CHECK (
        (leaf_value IS NOT NULL AND feature_index IS NULL AND left_node IS NULL AND right_node IS NULL)
        OR (leaf_value IS NULL AND feature_index >= 0 AND threshold IS NOT NULL AND missing IN ('none', 'zero', 'nan')
            AND default_left IS NOT NULL AND left_node > node AND right_node > node))
);
