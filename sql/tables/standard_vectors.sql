-- The pooled vector of a scan, standardised over the primary scans and brought to length 1, as a JSON array of float32: what
-- SimilarPatients compares with VECTOR_DISTANCE where the server has the type VECTOR. It is empty where every feature is the mean.
-- space_sha256 is over the scans and vectors that were standardised together: any other scan makes all of them out of date.
CREATE TABLE dbo.standard_vectors (
    scan_id INT NOT NULL,
    feature_set_id INT NOT NULL,
    pooling NVARCHAR(32) NOT NULL,
    space_sha256 VARBINARY(32) NOT NULL,
    vector NVARCHAR(MAX) NOT NULL,
    CONSTRAINT PK_standard_vectors PRIMARY KEY (feature_set_id, pooling, scan_id),
    CONSTRAINT FK_standard_vectors_binary_vectors FOREIGN KEY (scan_id, feature_set_id, pooling)
        REFERENCES dbo.binary_vectors (scan_id, feature_set_id, pooling) ON DELETE CASCADE
);
