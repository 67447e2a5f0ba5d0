-- The pooled vector of a scan in binary, so that SimilarPatients need not read it from its text. RefreshBinaryVectors makes what is missing
-- or out of date.
CREATE TABLE dbo.binary_vectors (
    scan_id INT NOT NULL,                 -- scan of the vector
    feature_set_id INT NOT NULL,          -- feature set of the vector, in dbo.feature_sets
    pooling NVARCHAR(32) NOT NULL,        -- pooling of the vector
    vector_sha256 VARBINARY(32) NOT NULL, -- SHA-256 of the vector's text in UTF-16 that array was made of, as dbo.pooled_features has it
    array VARBINARY(MAX) NOT NULL,        -- float32, little-endian; empty where the vector is all zero or cannot be read
    array_sha256 VARBINARY(32) NOT NULL,  -- SHA-256 of the bytes of array
    CONSTRAINT PK_binary_vectors PRIMARY KEY (scan_id, feature_set_id, pooling),
    CONSTRAINT FK_binary_vectors_pooled_features FOREIGN KEY (scan_id, feature_set_id, pooling)
        REFERENCES dbo.pooled_features (scan_id, feature_set_id, pooling) ON DELETE CASCADE
);
