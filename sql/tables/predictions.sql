-- A score given to a scan by a classifier.
CREATE TABLE dbo.predictions (
    prediction_id INT IDENTITY(1, 1) NOT NULL, -- number of the score, rising with time
    scan_id INT NOT NULL,                      -- scan that was scored
    classifier_id INT NOT NULL,                -- version of the model, in dbo.classifiers
    probability FLOAT NULL,                    -- 0 to 1, calibrated and, where prevalence is given, corrected to it; NULL of a regression
    predicted_at DATETIME2(3) NOT NULL CONSTRAINT DF_predictions_predicted_at DEFAULT SYSUTCDATETIME(), -- when it was computed, UTC
    predicted_by NVARCHAR(128) NOT NULL        -- who asked for it: the user that the session names (SESSION_CONTEXT), as any session can,
                                               -- else the login
        CONSTRAINT DF_predictions_predicted_by
        DEFAULT COALESCE(CAST(SESSION_CONTEXT(N'user') AS NVARCHAR(128)), ORIGINAL_LOGIN()),
    raw_probability FLOAT NULL,                -- what the model itself gave; NULL of a regression, or where it was not kept
    prevalence FLOAT NULL,                     -- share of positives that probability is corrected to; NULL where it is not
    vector_sha256 VARBINARY(32) NULL,          -- SHA-256 of the text in UTF-16 of the vector that was scored; NULL where it is not known
    predicted FLOAT NULL,                      -- number that a regression gave; NULL of a classification
    scope VARCHAR(7) NULL,                     -- inside, or outside where the scan is unlike those that the model was trained on; NULL
                                               -- where that is not known
    scope_reason NVARCHAR(400) NULL,           -- in what the scan is unlike; where scope is NULL, why that is not known
    login_name NVARCHAR(128) NULL              -- login that was connected; NULL before version 10
        CONSTRAINT DF_predictions_login_name DEFAULT ORIGINAL_LOGIN(),
    CONSTRAINT PK_predictions PRIMARY KEY (prediction_id),
    CONSTRAINT FK_predictions_scans FOREIGN KEY (scan_id) REFERENCES dbo.scans (scan_id),
    CONSTRAINT FK_predictions_classifiers FOREIGN KEY (classifier_id) REFERENCES dbo.classifiers (classifier_id),
    CONSTRAINT CK_predictions_probability CHECK (probability BETWEEN 0 AND 1),
    CONSTRAINT CK_predictions_scope CHECK (scope IN ('inside', 'outside')),
    CONSTRAINT CK_predictions_score CHECK (probability IS NOT NULL OR predicted IS NOT NULL),
    CONSTRAINT CK_predictions_prevalence CHECK (prevalence > 0 AND prevalence < 1)
);
CREATE INDEX IX_predictions_scan ON dbo.predictions (scan_id);
CREATE INDEX IX_predictions_time ON dbo.predictions (classifier_id, predicted_at) INCLUDE (scan_id, probability, predicted, scope);
