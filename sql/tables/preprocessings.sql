-- A way from slices to the pictures that a network reads. A row never changes; features and kept pictures are keyed by its name, and other
-- steps need another one. lung and seed are lungdb's own; StorePreprocessing adds others.
CREATE TABLE dbo.preprocessings (
    name NVARCHAR(32) NOT NULL,       -- unique name of the preprocessing
    steps NVARCHAR(MAX) NOT NULL,     -- JSON: the steps in order, with every default written out
    digest VARBINARY(32) NOT NULL,    -- SHA-256 of steps in UTF-16, as HASHBYTES sees them
    created_at DATETIME2(3) NOT NULL CONSTRAINT DF_preprocessings_created_at DEFAULT SYSUTCDATETIME(), -- when it was stored, UTC
    created_by NVARCHAR(128) NOT NULL -- who made it: the user that the session names (SESSION_CONTEXT), else the login
        CONSTRAINT DF_preprocessings_created_by
        DEFAULT COALESCE(CAST(SESSION_CONTEXT(N'user') AS NVARCHAR(128)), ORIGINAL_LOGIN()),
    CONSTRAINT PK_preprocessings PRIMARY KEY (name),
    CONSTRAINT CK_preprocessings_steps CHECK (ISJSON(steps) = 1)
);
