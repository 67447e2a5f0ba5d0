-- A version of a data set of scans or pictures. It never changes; creating the data set again adds one.
CREATE TABLE dbo.dataset_versions (
    dataset_version_id INT IDENTITY(1, 1) NOT NULL, -- number of the version, which trainings and evaluations refer to
    dataset_id INT NOT NULL,               -- data set that it is a version of
    version INT NOT NULL,                  -- 1, 2, 3, … within the data set
    chosen_by NVARCHAR(MAX) NOT NULL,      -- JSON: the query or data set that the members come from, with part, sample and seed where given
    members INT NOT NULL,                  -- how many it has, 1 or more
    members_sha256 VARBINARY(32) NOT NULL, -- SHA-256 over the members and their hashes, as internal.StoreDataset computes it
    created_at DATETIME2(3) NOT NULL CONSTRAINT DF_dataset_versions_created_at DEFAULT SYSUTCDATETIME(), -- when it was made, UTC
    created_by NVARCHAR(128) NOT NULL      -- who made it: the user that the session names (SESSION_CONTEXT), else the login
        CONSTRAINT DF_dataset_versions_created_by
        DEFAULT COALESCE(CAST(SESSION_CONTEXT(N'user') AS NVARCHAR(128)), ORIGINAL_LOGIN()),
    CONSTRAINT PK_dataset_versions PRIMARY KEY (dataset_version_id),
    CONSTRAINT UQ_dataset_versions UNIQUE (dataset_id, version),
    CONSTRAINT FK_dataset_versions_datasets FOREIGN KEY (dataset_id) REFERENCES dbo.datasets (dataset_id),
    CONSTRAINT CK_dataset_versions_members CHECK (members > 0)
);
