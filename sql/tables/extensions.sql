-- A step of preprocessings, lungdb's own or a package's, or a pooling or an algorithm of a package, as RegisterExtensions found it in the
-- Python of external scripts. package is its name and version; times says how many numbers a pooling makes of a feature, else it is NULL.
CREATE TABLE dbo.extensions (
    kind VARCHAR(16) NOT NULL,
    name NVARCHAR(32) NOT NULL,
    package NVARCHAR(128) NOT NULL,
    times INT NULL,
    registered_at DATETIME2(3) NOT NULL CONSTRAINT DF_extensions_registered_at DEFAULT SYSUTCDATETIME(),
    CONSTRAINT PK_extensions PRIMARY KEY (kind, name),
    CONSTRAINT CK_extensions_kinds CHECK ((kind IN ('step', 'algorithm') AND times IS NULL) OR (kind = 'pooling' AND times > 0))
);
