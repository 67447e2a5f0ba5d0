-- A trained model of scans, and the features that it reads.
CREATE TABLE dbo.classifiers (
    classifier_id INT IDENTITY(1, 1) NOT NULL, -- number of the version of the model
    name NVARCHAR(128) NOT NULL,               -- name of the model, which its versions share
    version INT NOT NULL,                      -- 1, 2, 3, … within the name
    library NVARCHAR(32) NOT NULL,             -- what wrote it: lightgbm, logistic, network (dense), ensemble, or onnx of a package
    feature_set_id INT NOT NULL,               -- feature set of the vectors that it reads
    pooling NVARCHAR(32) NOT NULL,             -- pooling of the vectors that it reads
    model VARBINARY(MAX) NOT NULL,             -- LightGBM's own text or JSON, in UTF-8; of a package an ONNX file
    sha256 VARBINARY(32) NOT NULL,             -- SHA-256 of the bytes of model
    details NVARCHAR(MAX) NOT NULL,            -- JSON: what it was trained with and how it is calibrated
    task VARCHAR(14) NOT NULL                  -- classification or regression, which predicts the number of dbo.numeric_labels
        CONSTRAINT DF_classifiers_task DEFAULT 'classification',
    created_at DATETIME2(3) NOT NULL CONSTRAINT DF_classifiers_created_at DEFAULT SYSUTCDATETIME(), -- when it was stored, UTC
    CONSTRAINT PK_classifiers PRIMARY KEY (classifier_id),
    CONSTRAINT UQ_classifiers_name_version UNIQUE (name, version),
    CONSTRAINT FK_classifiers_feature_sets FOREIGN KEY (feature_set_id)
        REFERENCES dbo.feature_sets (feature_set_id),
    CONSTRAINT CK_classifiers_task CHECK (task IN ('classification', 'regression')),
    CONSTRAINT CK_classifiers_details CHECK (ISJSON(details) = 1)
);
CREATE INDEX IX_classifiers_feature_set ON dbo.classifiers (feature_set_id);
