-- One vector of a scan, as a JSON array of numbers; null in a combined set is a value that is missing. vector_sha256 is of its text in
-- UTF-16, little-endian and without a mark:
-- HASHBYTES('SHA2_256', CONVERT(VARBINARY(MAX), vector)). It is checked whenever the vector is read; one without it is made again.
CREATE TABLE dbo.pooled_features (
    scan_id INT NOT NULL,
    feature_set_id INT NOT NULL,
    pooling NVARCHAR(32) NOT NULL,
    vector NVARCHAR(MAX) NOT NULL,
    vector_sha256 VARBINARY(32) NULL,
    CONSTRAINT PK_pooled_features PRIMARY KEY (scan_id, feature_set_id, pooling),
    CONSTRAINT FK_pooled_features_scans FOREIGN KEY (scan_id) REFERENCES dbo.scans (scan_id),
    CONSTRAINT FK_pooled_features_feature_sets FOREIGN KEY (feature_set_id) REFERENCES dbo.feature_sets (feature_set_id),
    CONSTRAINT CK_pooled_features_vector CHECK (ISJSON(vector) = 1)
);
CREATE INDEX IX_pooled_features_feature_set ON dbo.pooled_features (feature_set_id);
