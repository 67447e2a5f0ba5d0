-- What the files of tables/ declare, a row for each column, constraint and index, and what a database has of it. The batches after this
-- one fill #columns and #members. length is in bytes, -1 for (max), NULL where a type has none; made_by is the statement that makes it.
DROP TABLE IF EXISTS #columns, #members, #faults, #reasons;
CREATE TABLE #columns (
    table_name NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL,
    name NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL,
    type NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL,
    length INT NULL,
    digits INT NULL,
    scale INT NULL,
    is_nullable BIT NOT NULL,
    is_identity BIT NOT NULL,
    full_type NVARCHAR(200) COLLATE DATABASE_DEFAULT NOT NULL,
    default_as NVARCHAR(MAX) COLLATE DATABASE_DEFAULT NULL,
    PRIMARY KEY (table_name, name)
);
CREATE TABLE #members (
    position INT NOT NULL PRIMARY KEY,
    table_name NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL,
    kind NVARCHAR(20) COLLATE DATABASE_DEFAULT NOT NULL,
    name NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL,
    made_by NVARCHAR(MAX) COLLATE DATABASE_DEFAULT NOT NULL
);
CREATE TABLE #faults (
    position INT IDENTITY(1, 1) NOT NULL PRIMARY KEY,
    is_new_column BIT NOT NULL,
    what NVARCHAR(400) COLLATE DATABASE_DEFAULT NOT NULL,
    fault NVARCHAR(200) COLLATE DATABASE_DEFAULT NOT NULL,
    made_by NVARCHAR(MAX) COLLATE DATABASE_DEFAULT NULL
);
CREATE TABLE #reasons (
    what NVARCHAR(400) COLLATE DATABASE_DEFAULT NOT NULL,
    reason NVARCHAR(MAX) COLLATE DATABASE_DEFAULT NOT NULL
);
