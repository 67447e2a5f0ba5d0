-- A version of a data set of scans or pictures: what chose its members, how many they are, and the SHA-256 over them, as
-- internal.StoreDataset computes it. A version never changes; creating the data set again adds one.
CREATE TABLE dbo.dataset_versions (
    dataset_version_id INT IDENTITY(1, 1) NOT NULL,
    dataset_id INT NOT NULL,
    version INT NOT NULL,
    chosen_by NVARCHAR(MAX) NOT NULL,
    members INT NOT NULL,
    members_sha256 VARBINARY(32) NOT NULL,
    created_at DATETIME2(3) NOT NULL CONSTRAINT DF_dataset_versions_created_at DEFAULT SYSUTCDATETIME(),
    created_by NVARCHAR(128) NOT NULL
        CONSTRAINT DF_dataset_versions_created_by
        DEFAULT COALESCE(CAST(SESSION_CONTEXT(N'user') AS NVARCHAR(128)), ORIGINAL_LOGIN()),
    CONSTRAINT PK_dataset_versions PRIMARY KEY (dataset_version_id),
    CONSTRAINT UQ_dataset_versions UNIQUE (dataset_id, version),
    CONSTRAINT FK_dataset_versions_datasets FOREIGN KEY (dataset_id) REFERENCES dbo.datasets (dataset_id),
    CONSTRAINT CK_dataset_versions_members CHECK (members > 0)
);
