-- A key, index, check, default or foreign key that the tables of this version have, with the statement that makes it. Doctor compares
-- these rows with the catalog; they are those of #members in whole/declare.sql, and the installer alone writes them.
CREATE TABLE dbo.declared_members (
    position INT NOT NULL,
    table_name NVARCHAR(128) NOT NULL,
    kind NVARCHAR(20) NOT NULL,
    name NVARCHAR(128) NOT NULL,
    made_by NVARCHAR(MAX) NOT NULL CONSTRAINT DF_declared_members_made_by DEFAULT N'',
    CONSTRAINT PK_declared_members PRIMARY KEY (position)
);
