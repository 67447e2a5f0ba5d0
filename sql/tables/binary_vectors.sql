-- The pooled vector of a scan as float32 little-endian, so that SimilarPatients need not read it from its text: empty where it is all zero
-- or cannot be read. vector_sha256 is of that text in UTF-16, array_sha256 of the bytes. RefreshBinaryVectors makes what is missing or out
-- of date.
CREATE TABLE dbo.binary_vectors (
    scan_id INT NOT NULL,
    feature_set_id INT NOT NULL,
    pooling NVARCHAR(32) NOT NULL,
    vector_sha256 VARBINARY(32) NOT NULL,
    array VARBINARY(MAX) NOT NULL,
    array_sha256 VARBINARY(32) NOT NULL,
    CONSTRAINT PK_binary_vectors PRIMARY KEY (scan_id, feature_set_id, pooling),
    CONSTRAINT FK_binary_vectors_pooled_features FOREIGN KEY (scan_id, feature_set_id, pooling)
        REFERENCES dbo.pooled_features (scan_id, feature_set_id, pooling) ON DELETE CASCADE
);
