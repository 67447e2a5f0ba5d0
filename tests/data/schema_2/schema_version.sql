-- A migration applied.
CREATE TABLE dbo.schema_version (
    version INT NOT NULL,
    applied_at DATETIME2(3) NOT NULL CONSTRAINT DF_schema_version_applied_at DEFAULT SYSUTCDATETIME(),
    CONSTRAINT PK_schema_version PRIMARY KEY (version)
);
