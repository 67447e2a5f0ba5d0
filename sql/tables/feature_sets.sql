-- A way to make features: a network, one of its layers, a preprocessing. width is the number of features. One without a network is
-- combined of others and of columns, which dbo.feature_parts lists; its layer is its name, its preprocessing 'combined', and its
-- vectors stand in dbo.pooled_features with the pooling 'combined'.
CREATE TABLE dbo.feature_sets (
    feature_set_id INT IDENTITY(1, 1) NOT NULL,
    network_id INT NULL,
    layer NVARCHAR(256) NOT NULL,
    preprocessing NVARCHAR(32) NOT NULL,
    width INT NOT NULL,
    CONSTRAINT PK_feature_sets PRIMARY KEY (feature_set_id),
    CONSTRAINT FK_feature_sets_networks FOREIGN KEY (network_id) REFERENCES dbo.networks (network_id),
    CONSTRAINT UQ_feature_sets UNIQUE (network_id, layer, preprocessing),
    CONSTRAINT CK_feature_sets_width CHECK (width > 0)
);
