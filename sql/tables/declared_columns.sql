-- A column that the tables of this version have, as the installer read it from them. Doctor compares these rows with the catalog; they
-- are those of #columns in whole/declare.sql, and the installer alone writes them.
CREATE TABLE dbo.declared_columns (
    table_name NVARCHAR(128) NOT NULL,
    name NVARCHAR(128) NOT NULL,
    type NVARCHAR(128) NOT NULL,
    length INT NULL,
    digits INT NULL,
    scale INT NULL,
    is_nullable BIT NOT NULL,
    is_identity BIT NOT NULL,
    full_type NVARCHAR(200) NOT NULL,
    default_as NVARCHAR(MAX) NULL,
    CONSTRAINT PK_declared_columns PRIMARY KEY (table_name, name)
);
