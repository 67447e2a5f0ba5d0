-- The pooled vector of a scan brought to length 1, float32 little-endian, so that SimilarPatients need not read it from its text:
-- empty where it has no direction. vector_sha256 is of that text in UTF-16. RefreshUnitVectors makes what is missing or out of date.
CREATE TABLE dbo.unit_vectors (
    scan_id INT NOT NULL,
    feature_set_id INT NOT NULL,
    pooling NVARCHAR(32) NOT NULL,
    vector_sha256 VARBINARY(32) NOT NULL,
    unit VARBINARY(MAX) NOT NULL,
    unit_sha256 VARBINARY(32) NOT NULL,
    CONSTRAINT PK_unit_vectors PRIMARY KEY (scan_id, feature_set_id, pooling),
    CONSTRAINT FK_unit_vectors_pooled_features FOREIGN KEY (scan_id, feature_set_id, pooling)
        REFERENCES dbo.pooled_features (scan_id, feature_set_id, pooling) ON DELETE CASCADE
);
