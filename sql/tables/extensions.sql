-- A step of preprocessings, lungdb's own or a package's, or a pooling or an algorithm of a package, as RegisterExtensions found it in the
-- Python of external scripts.
CREATE TABLE dbo.extensions (
    kind VARCHAR(16) NOT NULL,      -- step, pooling or algorithm
    name NVARCHAR(32) NOT NULL,     -- name that procedures take it by
    package NVARCHAR(128) NOT NULL, -- name and version of the package
    times INT NULL,                 -- how many numbers a pooling makes of a feature; NULL of steps and algorithms
    registered_at DATETIME2(3) NOT NULL CONSTRAINT DF_extensions_registered_at DEFAULT SYSUTCDATETIME(), -- when it was found, UTC
    CONSTRAINT PK_extensions PRIMARY KEY (kind, name),
    CONSTRAINT CK_extensions_kinds CHECK ((kind IN ('step', 'algorithm') AND times IS NULL) OR (kind = 'pooling' AND times > 0))
);
