-- A data set with a name.
CREATE TABLE dbo.datasets (
    dataset_id INT IDENTITY(1, 1) NOT NULL, -- number of the data set
    name NVARCHAR(128) NOT NULL,            -- unique among data sets of all kinds
    kind VARCHAR(8) NOT NULL,               -- scans, images (pictures), or examples for the T-SQL networks, whose rows are in dbo.examples
                                            -- under its name
    created_at DATETIME2(3) NOT NULL CONSTRAINT DF_datasets_created_at DEFAULT SYSUTCDATETIME(), -- when it was made, UTC
    CONSTRAINT PK_datasets PRIMARY KEY (dataset_id),
    CONSTRAINT UQ_datasets_name UNIQUE (name),
    CONSTRAINT CK_datasets_kind CHECK (kind IN ('scans', 'images', 'examples'))
);
