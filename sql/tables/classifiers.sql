-- A trained model as text in UTF-8 (LightGBM's own, or JSON of a logistic regression), and the features that it reads.
CREATE TABLE dbo.classifiers (
    classifier_id INT IDENTITY(1, 1) NOT NULL,
    name NVARCHAR(128) NOT NULL,
    version INT NOT NULL,
    library NVARCHAR(32) NOT NULL,
    feature_set_id INT NOT NULL,
    pooling NVARCHAR(32) NOT NULL,
    model VARBINARY(MAX) NOT NULL,
    sha256 VARBINARY(32) NOT NULL,
    details NVARCHAR(MAX) NOT NULL,
    task VARCHAR(14) NOT NULL CONSTRAINT DF_classifiers_task DEFAULT 'classification',
    created_at DATETIME2(3) NOT NULL CONSTRAINT DF_classifiers_created_at DEFAULT SYSUTCDATETIME(),
    CONSTRAINT PK_classifiers PRIMARY KEY (classifier_id),
    CONSTRAINT UQ_classifiers_name_version UNIQUE (name, version),
    CONSTRAINT FK_classifiers_feature_sets FOREIGN KEY (feature_set_id)
        REFERENCES dbo.feature_sets (feature_set_id),
    CONSTRAINT CK_classifiers_task CHECK (task IN ('classification', 'regression')),
    CONSTRAINT CK_classifiers_details CHECK (ISJSON(details) = 1)
);
CREATE INDEX IX_classifiers_feature_set ON dbo.classifiers (feature_set_id);
