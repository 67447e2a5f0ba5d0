-- The trees of a LightGBM model. A leaf has a value and nothing else.
CREATE TABLE dbo.model_nodes (
    classifier_id INT NOT NULL, -- version of the model, in dbo.classifiers
    tree INT NOT NULL,          -- number of the tree, from 0
    node INT NOT NULL,          -- number of the node in its tree; 0 is the root
    feature_index INT NULL,     -- place in the vector of the feature that it asks for, from 0; NULL of a leaf
    threshold FLOAT NULL,       -- values up to it go left; NULL of a leaf
    missing VARCHAR(4) NULL,    -- LightGBM's rule: none takes a missing value for 0, nan sends it in the default direction, zero sends it
                                -- and 0 there
    default_left BIT NULL,      -- 1 where the default direction is left, 0 where it is right; NULL of a leaf
    left_node INT NULL,         -- node that comes next on the left; NULL of a leaf
    right_node INT NULL,        -- node that comes next on the right; NULL of a leaf
    leaf_value FLOAT NULL,      -- what the leaf adds to the sum; NULL of a node that asks
    CONSTRAINT PK_model_nodes PRIMARY KEY (classifier_id, tree, node),
    CONSTRAINT FK_model_nodes_scoring FOREIGN KEY (classifier_id) REFERENCES dbo.model_scoring (classifier_id),
    CONSTRAINT CK_model_nodes_kind CHECK (
        (leaf_value IS NOT NULL AND feature_index IS NULL AND left_node IS NULL AND right_node IS NULL)
        OR (leaf_value IS NULL AND feature_index >= 0 AND threshold IS NOT NULL AND missing IN ('none', 'zero', 'nan')
            AND default_left IS NOT NULL AND left_node > node AND right_node > node))
);
