-- A model measured on a version of a data set. horizon_days is the horizon of the labels, NULL for those of patients; prevalence that
-- of the site for the decision curve, NULL for the share of the set. overlap says what speaks against the figures, where the evaluation
-- was forced; note what could not be measured or is not known.
CREATE TABLE dbo.evaluations (
    evaluation_id INT IDENTITY(1, 1) NOT NULL,
    classifier_id INT NOT NULL,
    dataset_version_id INT NOT NULL,
    horizon_days INT NULL,
    prevalence FLOAT NULL,
    seed INT NOT NULL,
    patients INT NOT NULL,
    scans INT NOT NULL,
    positives INT NOT NULL,
    unlabelled INT NOT NULL,
    left_out INT NOT NULL,
    is_forced BIT NOT NULL,
    overlap NVARCHAR(1000) NULL,
    note NVARCHAR(2000) NULL,
    evaluated_at DATETIME2(3) NOT NULL CONSTRAINT DF_evaluations_evaluated_at DEFAULT SYSUTCDATETIME(),
    evaluated_by NVARCHAR(128) NOT NULL
        CONSTRAINT DF_evaluations_evaluated_by
        DEFAULT COALESCE(CAST(SESSION_CONTEXT(N'user') AS NVARCHAR(128)), ORIGINAL_LOGIN()),
    CONSTRAINT PK_evaluations PRIMARY KEY (evaluation_id),
    CONSTRAINT FK_evaluations_classifiers FOREIGN KEY (classifier_id) REFERENCES dbo.classifiers (classifier_id),
    CONSTRAINT FK_evaluations_dataset_versions FOREIGN KEY (dataset_version_id)
        REFERENCES dbo.dataset_versions (dataset_version_id),
    CONSTRAINT CK_evaluations_forced CHECK (is_forced = 1 OR overlap IS NULL)
);
CREATE INDEX IX_evaluations_classifier ON dbo.evaluations (classifier_id);
CREATE INDEX IX_evaluations_dataset_version ON dbo.evaluations (dataset_version_id);
