-- A score given to a scan by a classifier; probability is 0 to 1, calibrated and, where prevalence is given, corrected to that
-- share of positives. raw_probability is what the model itself gave; vector_sha256 is of the vector's text in UTF-16. A model of the task
-- regression gives predicted and no probability. scope is outside where the scan is unlike those that the model was trained on, and
-- scope_reason says in what; scope is NULL where the model has no rows in dbo.model_scope, and scope_reason says why.
-- predicted_by is whom the session names by SESSION_CONTEXT, as any session can; login_name is who was connected, NULL before version 10.
CREATE TABLE dbo.predictions (
    prediction_id INT IDENTITY(1, 1) NOT NULL,
    scan_id INT NOT NULL,
    classifier_id INT NOT NULL,
    probability FLOAT NULL,
    predicted_at DATETIME2(3) NOT NULL CONSTRAINT DF_predictions_predicted_at DEFAULT SYSUTCDATETIME(),
    predicted_by NVARCHAR(128) NOT NULL
        CONSTRAINT DF_predictions_predicted_by
        DEFAULT COALESCE(CAST(SESSION_CONTEXT(N'user') AS NVARCHAR(128)), ORIGINAL_LOGIN()),
    raw_probability FLOAT NULL,
    prevalence FLOAT NULL,
    vector_sha256 VARBINARY(32) NULL,
    predicted FLOAT NULL,
    scope VARCHAR(7) NULL,
    scope_reason NVARCHAR(400) NULL,
    login_name NVARCHAR(128) NULL CONSTRAINT DF_predictions_login_name DEFAULT ORIGINAL_LOGIN(),
    CONSTRAINT PK_predictions PRIMARY KEY (prediction_id),
    CONSTRAINT FK_predictions_scans FOREIGN KEY (scan_id) REFERENCES dbo.scans (scan_id),
    CONSTRAINT FK_predictions_classifiers FOREIGN KEY (classifier_id) REFERENCES dbo.classifiers (classifier_id),
    CONSTRAINT CK_predictions_probability CHECK (probability BETWEEN 0 AND 1),
    CONSTRAINT CK_predictions_scope CHECK (scope IN ('inside', 'outside')),
    CONSTRAINT CK_predictions_score CHECK (probability IS NOT NULL OR predicted IS NOT NULL),
    CONSTRAINT CK_predictions_prevalence CHECK (prevalence > 0 AND prevalence < 1)
);
CREATE INDEX IX_predictions_scan ON dbo.predictions (scan_id);
CREATE INDEX IX_predictions_classifier ON dbo.predictions (classifier_id);
