-- One vector of a scan.
CREATE TABLE dbo.pooled_features (
    scan_id INT NOT NULL,             -- scan that it is of
    feature_set_id INT NOT NULL,      -- feature set that it is of, in dbo.feature_sets
    pooling NVARCHAR(32) NOT NULL,    -- name of the pooling, as dbo.poolings has it; combined in a combined set
    vector NVARCHAR(MAX) NOT NULL,    -- JSON array of numbers; null in a combined set is a value that is missing
    vector_sha256 VARBINARY(32) NULL, -- SHA-256 of vector in UTF-16, little-endian and without a mark: HASHBYTES('SHA2_256',
                                      -- CONVERT(VARBINARY(MAX), vector)). It is checked whenever the vector is read; one that is NULL is
                                      -- made again
    CONSTRAINT PK_pooled_features PRIMARY KEY (scan_id, feature_set_id, pooling),
    CONSTRAINT FK_pooled_features_scans FOREIGN KEY (scan_id) REFERENCES dbo.scans (scan_id),
    CONSTRAINT FK_pooled_features_feature_sets FOREIGN KEY (feature_set_id) REFERENCES dbo.feature_sets (feature_set_id),
    CONSTRAINT CK_pooled_features_vector CHECK (ISJSON(vector) = 1)
);
CREATE INDEX IX_pooled_features_feature_set ON dbo.pooled_features (feature_set_id);
