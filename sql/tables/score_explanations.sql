-- That a score was explained, and of what.
CREATE TABLE dbo.score_explanations (
    prediction_id INT NOT NULL,         -- score that is explained, in dbo.predictions
    explained_at DATETIME2(3) NOT NULL  -- when it was last explained, UTC
        CONSTRAINT DF_score_explanations_explained_at DEFAULT SYSUTCDATETIME(),
    explained_by NVARCHAR(128) NOT NULL -- who had it explained: the user that the session names (SESSION_CONTEXT), else the login
        CONSTRAINT DF_score_explanations_explained_by
        DEFAULT COALESCE(CAST(SESSION_CONTEXT(N'user') AS NVARCHAR(128)), ORIGINAL_LOGIN()),
    margin FLOAT NULL,                  -- model's own value for the scan before any link or calibration; NULL where it has none
    reference_margin FLOAT NULL,        -- that of the reference which triples of slices are compared with; NULL where they were not
    vector_sha256 VARBINARY(32) NULL,   -- SHA-256 of the text in UTF-16 of the pooled vector that was read; NULL where there was none
    array_sha256 VARBINARY(32) NULL,    -- SHA-256 of the array of features that was read; of several that of their SHA-256 in hexadecimal,
                                        -- in the order of dbo.feature_parts with commas between; NULL where there was none
    seed INT NOT NULL,                  -- seed of the permutations
    permutations INT NOT NULL,          -- permutations of the estimates
    CONSTRAINT PK_score_explanations PRIMARY KEY (prediction_id),
    CONSTRAINT FK_score_explanations_predictions FOREIGN KEY (prediction_id)
        REFERENCES dbo.predictions (prediction_id) ON DELETE CASCADE,
    CONSTRAINT CK_score_explanations_permutations CHECK (permutations >= 0)
);
