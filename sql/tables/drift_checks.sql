-- A comparison of patients who came later with those whom a model was tested on. later_since or dataset_version_id says who they are.
-- statistic is the largest of dbo.drift_items, p_value its share of permutations; is_alarm marks one of alpha or less.
CREATE TABLE dbo.drift_checks (
    drift_check_id INT IDENTITY(1, 1) NOT NULL,
    classifier_id INT NOT NULL,
    later_since DATETIME2(3) NULL,
    dataset_version_id INT NULL,
    tested_patients INT NOT NULL,
    later_patients INT NOT NULL,
    permutations INT NOT NULL,
    seed INT NOT NULL,
    alpha FLOAT NOT NULL,
    statistic FLOAT NOT NULL,
    p_value FLOAT NOT NULL,
    is_alarm BIT NOT NULL,
    checked_at DATETIME2(3) NOT NULL CONSTRAINT DF_drift_checks_checked_at DEFAULT SYSUTCDATETIME(),
    checked_by NVARCHAR(128) NOT NULL
        CONSTRAINT DF_drift_checks_checked_by
        DEFAULT COALESCE(CAST(SESSION_CONTEXT(N'user') AS NVARCHAR(128)), ORIGINAL_LOGIN()),
    CONSTRAINT PK_drift_checks PRIMARY KEY (drift_check_id),
    CONSTRAINT FK_drift_checks_classifiers FOREIGN KEY (classifier_id) REFERENCES dbo.classifiers (classifier_id),
    CONSTRAINT FK_drift_checks_dataset_versions FOREIGN KEY (dataset_version_id)
        REFERENCES dbo.dataset_versions (dataset_version_id),
    CONSTRAINT CK_drift_checks_later CHECK (later_since IS NOT NULL OR dataset_version_id IS NOT NULL)
);
CREATE INDEX IX_drift_checks_classifier ON dbo.drift_checks (classifier_id);
CREATE INDEX IX_drift_checks_dataset_version ON dbo.drift_checks (dataset_version_id);
