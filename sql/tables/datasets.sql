-- A data set with a name: of scans, of pictures, or of the examples that the T-SQL networks learn from, whose rows stand in dbo.examples
-- under the same name.
CREATE TABLE dbo.datasets (
    dataset_id INT IDENTITY(1, 1) NOT NULL,
    name NVARCHAR(128) NOT NULL,
    kind VARCHAR(8) NOT NULL,
    created_at DATETIME2(3) NOT NULL CONSTRAINT DF_datasets_created_at DEFAULT SYSUTCDATETIME(),
    CONSTRAINT PK_datasets PRIMARY KEY (dataset_id),
    CONSTRAINT UQ_datasets_name UNIQUE (name),
    CONSTRAINT CK_datasets_kind CHECK (kind IN ('scans', 'images', 'examples'))
);
