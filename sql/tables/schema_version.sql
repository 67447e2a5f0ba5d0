-- A version of the schema that the database has: its migration was applied.
CREATE TABLE dbo.schema_version (
    version INT NOT NULL, -- number of the migration in sql/migrations; 1 is the first schema, which has none
    applied_at DATETIME2(3) NOT NULL CONSTRAINT DF_schema_version_applied_at DEFAULT SYSUTCDATETIME(), -- when the installer wrote it, UTC
    CONSTRAINT PK_schema_version PRIMARY KEY (version)
);
