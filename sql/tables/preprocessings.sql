-- A way from slices to the pictures that a network reads: steps in order, JSON with every default written out. A row never changes;
-- features and kept pictures are keyed by its name, and other steps need another one. digest is over the UTF-16 bytes of steps, as
-- HASHBYTES sees them. lung and seed are lungdb's own; StorePreprocessing adds others.
CREATE TABLE dbo.preprocessings (
    name NVARCHAR(32) NOT NULL,
    steps NVARCHAR(MAX) NOT NULL,
    digest VARBINARY(32) NOT NULL,
    created_at DATETIME2(3) NOT NULL CONSTRAINT DF_preprocessings_created_at DEFAULT SYSUTCDATETIME(),
    created_by NVARCHAR(128) NOT NULL
        CONSTRAINT DF_preprocessings_created_by
        DEFAULT COALESCE(CAST(SESSION_CONTEXT(N'user') AS NVARCHAR(128)), ORIGINAL_LOGIN()),
    CONSTRAINT PK_preprocessings PRIMARY KEY (name),
    CONSTRAINT CK_preprocessings_steps CHECK (ISJSON(steps) = 1)
);
