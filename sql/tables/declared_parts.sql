-- What else the installer that ran last has made. Doctor compares these rows with what is there; the installer alone writes them.
CREATE TABLE dbo.declared_parts (
    kind VARCHAR(10) NOT NULL,   -- view, procedure, script (a procedure that runs a script of ours and is to be signed) or version (of the
                                 -- schema)
    name NVARCHAR(260) NOT NULL, -- schema and name, such as dbo.Doctor; of a version its number
    CONSTRAINT PK_declared_parts PRIMARY KEY (kind, name),
    CONSTRAINT CK_declared_parts_kind CHECK (kind IN ('view', 'procedure', 'script', 'version'))
);
