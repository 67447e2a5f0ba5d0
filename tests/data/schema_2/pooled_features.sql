-- One vector of a scan, as a JSON array of numbers.
CREATE TABLE dbo.pooled_features (
    scan_id INT NOT NULL,
    feature_set_id INT NOT NULL,
    pooling NVARCHAR(32) NOT NULL,
    vector NVARCHAR(MAX) NOT NULL,
    CONSTRAINT PK_pooled_features PRIMARY KEY (scan_id, feature_set_id, pooling),
    CONSTRAINT FK_pooled_features_features FOREIGN KEY (scan_id, feature_set_id)
        REFERENCES dbo.features (scan_id, feature_set_id),
    CONSTRAINT CK_pooled_features_vector CHECK (ISJSON(vector) = 1)
);
