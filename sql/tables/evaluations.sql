-- A model measured on a version of a data set.
CREATE TABLE dbo.evaluations (
    evaluation_id INT IDENTITY(1, 1) NOT NULL, -- number of the evaluation
    classifier_id INT NOT NULL,                -- version of the model, in dbo.classifiers
    dataset_version_id INT NOT NULL,           -- version of the data set, in dbo.dataset_versions
    horizon_days INT NULL,                     -- horizon of the labels in days (dbo.scan_labels); NULL for those of patients (dbo.labels)
    prevalence FLOAT NULL,                     -- share of positives at the site, for the decision curve; NULL for the share in the data set
    seed INT NOT NULL,                         -- seed of the bootstrap
    patients INT NOT NULL,                     -- patients with labelled scans
    scans INT NOT NULL,                        -- scans with labels, which all figures are of
    positives INT NOT NULL,                    -- scans of them with label 1
    unlabelled INT NOT NULL,                   -- scans that were scored and have no label
    left_out INT NOT NULL,                     -- members of the data set that were not scored
    is_forced BIT NOT NULL,                    -- 1 where it was measured with @Force although overlap speaks against it
    overlap NVARCHAR(1000) NULL,               -- what speaks against the figures, where it was forced; NULL where nothing does
    note NVARCHAR(2000) NULL,                  -- what could not be measured or is not known; NULL where that is nothing
    evaluated_at DATETIME2(3) NOT NULL CONSTRAINT DF_evaluations_evaluated_at DEFAULT SYSUTCDATETIME(), -- when it was made, UTC
    evaluated_by NVARCHAR(128) NOT NULL        -- who had it evaluated: the user that the session names (SESSION_CONTEXT), else the login
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
