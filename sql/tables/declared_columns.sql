-- A column that the tables of this version have, as the installer read it from them. Doctor compares these rows with the catalog; they
-- are those of #columns in whole/declare.sql, and the installer alone writes them.
CREATE TABLE dbo.declared_columns (
    table_name NVARCHAR(128) NOT NULL, -- table of dbo, without the schema
    name NVARCHAR(128) NOT NULL,       -- name of the column in the table
    type NVARCHAR(128) NOT NULL,       -- name of the type as in sys.types, such as nvarchar
    length INT NULL,                   -- as max_length in sys.columns, in bytes; -1 means MAX, NULL a type without length
    digits INT NULL,                   -- digits of a decimal in all; NULL of other types
    scale INT NULL,                    -- digits behind the point, or of a second's fractions; NULL of types without
    is_nullable BIT NOT NULL,          -- 1 where the column may be NULL
    is_identity BIT NOT NULL,          -- 1 where the column is the IDENTITY of its table
    full_type NVARCHAR(200) NOT NULL,  -- type as CREATE TABLE has it, such as NVARCHAR(128)
    default_as NVARCHAR(MAX) NULL,     -- CONSTRAINT name DEFAULT value, as CREATE TABLE has it; NULL where there is none
    CONSTRAINT PK_declared_columns PRIMARY KEY (table_name, name)
);
