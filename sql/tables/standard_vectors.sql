-- The pooled vector of a scan, standardised over the primary scans: what SimilarPatients compares with VECTOR_DISTANCE where the server has
-- the type VECTOR.
CREATE TABLE dbo.standard_vectors (
    scan_id INT NOT NULL,                -- scan of the vector
    feature_set_id INT NOT NULL,         -- feature set of the vector, in dbo.feature_sets
    pooling NVARCHAR(32) NOT NULL,       -- pooling of the vector
    space_sha256 VARBINARY(32) NOT NULL, -- SHA-256 over the scans and vectors that were standardised together: any other scan makes all of
                                         -- them out of date
    vector NVARCHAR(MAX) NOT NULL,       -- JSON array of float32, brought to length 1; empty where every feature is the mean
    CONSTRAINT PK_standard_vectors PRIMARY KEY (feature_set_id, pooling, scan_id),
    CONSTRAINT FK_standard_vectors_binary_vectors FOREIGN KEY (scan_id, feature_set_id, pooling)
        REFERENCES dbo.binary_vectors (scan_id, feature_set_id, pooling) ON DELETE CASCADE
);
