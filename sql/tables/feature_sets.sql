-- A way to make features: a network, one of its layers, a preprocessing. One without a network is combined of others and of columns, which
-- dbo.feature_parts lists; its vectors stand in dbo.pooled_features with the pooling 'combined'.
CREATE TABLE dbo.feature_sets (
    feature_set_id INT IDENTITY(1, 1) NOT NULL, -- number of the feature set
    network_id INT NULL,                        -- network that the features are of, in dbo.networks; NULL of a combined set
    layer NVARCHAR(256) NOT NULL,               -- name of the layer; of a combined set the set's own name
    preprocessing NVARCHAR(32) NOT NULL,        -- name in dbo.preprocessings; combined of a combined set
    width INT NOT NULL,                         -- how many features a vector of it has
    CONSTRAINT PK_feature_sets PRIMARY KEY (feature_set_id),
    CONSTRAINT FK_feature_sets_networks FOREIGN KEY (network_id) REFERENCES dbo.networks (network_id),
    CONSTRAINT UQ_feature_sets UNIQUE (network_id, layer, preprocessing),
    CONSTRAINT CK_feature_sets_width CHECK (width > 0)
);
