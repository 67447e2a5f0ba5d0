-- A key, index, check, default or foreign key that the tables of this version have. Doctor compares these rows with the catalog; they are
-- those of #members in whole/declare.sql, and the installer alone writes them.
CREATE TABLE dbo.declared_members (
    position INT NOT NULL,             -- order in which they are made: keys first, which foreign keys need
    table_name NVARCHAR(128) NOT NULL, -- table of dbo, without the schema
    kind NVARCHAR(20) NOT NULL,        -- primary key, unique, index, check, default or foreign key
    name NVARCHAR(128) NOT NULL,       -- name of the constraint or index
    made_by NVARCHAR(MAX) NOT NULL CONSTRAINT DF_declared_members_made_by DEFAULT N'', -- statement that makes it
    CONSTRAINT PK_declared_members PRIMARY KEY (position)
);
