-- A version of a model that tells the classes of pictures. dbo.classifiers has none of these, because whatever serves a model from there
-- takes it for one of patients' scans with two classes.
CREATE TABLE dbo.image_classifiers (
    image_classifier_id INT IDENTITY(1, 1) NOT NULL, -- number of the version of the model
    name NVARCHAR(128) NOT NULL,      -- name of the model, which its versions share
    version INT NOT NULL,             -- 1, 2, 3, … within the name
    library NVARCHAR(32) NOT NULL,    -- logistic or lightgbm
    feature_set_id INT NOT NULL,      -- feature set of the pictures' features that it reads
    pooling NVARCHAR(32) NOT NULL,    -- how the features of a group's pictures are pooled; none takes every picture alone
    is_exclusive BIT NOT NULL,        -- 1 where a picture has one class of several, so that scores sum to 1; 0 where it may have several
    dataset_version_id INT NULL,      -- data set that it learnt from; NULL for all pictures with labels
    seed INT NOT NULL,                -- seed of folds, undersampling and LightGBM
    model VARBINARY(MAX) NOT NULL,    -- JSON in UTF-8 of a model for each class, in the library's text
    sha256 VARBINARY(32) NOT NULL,    -- SHA-256 of the bytes of model
    details NVARCHAR(MAX) NOT NULL,   -- JSON: its classes, parameters and notes
    created_at DATETIME2(3) NOT NULL CONSTRAINT DF_image_classifiers_created_at DEFAULT SYSUTCDATETIME(), -- when it was stored, UTC
    created_by NVARCHAR(128) NOT NULL -- who made it: the user that the session names (SESSION_CONTEXT), else the login
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
