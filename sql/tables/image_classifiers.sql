-- A version of a model that tells the classes of pictures: library and text as dbo.classifiers has them, the features that it reads, how
-- those of a group are pooled, and in details its classes, parameters and notes. dbo.classifiers has none of these, because whatever serves
-- a model from there takes it for one of patients' scans with two classes. dataset_version_id is NULL for all pictures with labels.
CREATE TABLE dbo.image_classifiers (
    image_classifier_id INT IDENTITY(1, 1) NOT NULL,
    name NVARCHAR(128) NOT NULL,
    version INT NOT NULL,
    library NVARCHAR(32) NOT NULL,
    feature_set_id INT NOT NULL,
    pooling NVARCHAR(32) NOT NULL,
    is_exclusive BIT NOT NULL,
    dataset_version_id INT NULL,
    seed INT NOT NULL,
    model VARBINARY(MAX) NOT NULL,
    sha256 VARBINARY(32) NOT NULL,
    details NVARCHAR(MAX) NOT NULL,
    created_at DATETIME2(3) NOT NULL CONSTRAINT DF_image_classifiers_created_at DEFAULT SYSUTCDATETIME(),
    created_by NVARCHAR(128) NOT NULL
        CONSTRAINT DF_image_classifiers_created_by
        DEFAULT COALESCE(CAST(SESSION_CONTEXT(N'user') AS NVARCHAR(128)), ORIGINAL_LOGIN()),
    CONSTRAINT PK_image_classifiers PRIMARY KEY (image_classifier_id),
    CONSTRAINT UQ_image_classifiers_name_version UNIQUE (name, version),
    CONSTRAINT FK_image_classifiers_feature_sets FOREIGN KEY (feature_set_id) REFERENCES dbo.feature_sets (feature_set_id),
    CONSTRAINT FK_image_classifiers_dataset_versions FOREIGN KEY (dataset_version_id)
        REFERENCES dbo.dataset_versions (dataset_version_id),
    CONSTRAINT CK_image_classifiers_details CHECK (ISJSON(details) = 1)
);
CREATE INDEX IX_image_classifiers_feature_set ON dbo.image_classifiers (feature_set_id);
CREATE INDEX IX_image_classifiers_dataset_version ON dbo.image_classifiers (dataset_version_id);
