-- That a score was explained, and of what: margin is the model's own value for the scan before any link or calibration, reference_margin
-- that of the reference which triples of slices are compared with. vector_sha256 and array_sha256 are of the pooled vector and of the array
-- of features that were read, NULL where there were none; of several arrays it is of their SHA-256 in hexadecimal, in the order of
-- dbo.feature_parts with commas between. Kept beside them are the seed and the number of permutations of the estimates.
CREATE TABLE dbo.score_explanations (
    prediction_id INT NOT NULL,
    explained_at DATETIME2(3) NOT NULL CONSTRAINT DF_score_explanations_explained_at DEFAULT SYSUTCDATETIME(),
    explained_by NVARCHAR(128) NOT NULL
        CONSTRAINT DF_score_explanations_explained_by
        DEFAULT COALESCE(CAST(SESSION_CONTEXT(N'user') AS NVARCHAR(128)), ORIGINAL_LOGIN()),
    margin FLOAT NULL,
    reference_margin FLOAT NULL,
    vector_sha256 VARBINARY(32) NULL,
    array_sha256 VARBINARY(32) NULL,
    seed INT NOT NULL,
    permutations INT NOT NULL,
    CONSTRAINT PK_score_explanations PRIMARY KEY (prediction_id),
    CONSTRAINT FK_score_explanations_predictions FOREIGN KEY (prediction_id)
        REFERENCES dbo.predictions (prediction_id) ON DELETE CASCADE,
    CONSTRAINT CK_score_explanations_permutations CHECK (permutations >= 0)
);
