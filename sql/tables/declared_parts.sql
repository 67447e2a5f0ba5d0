-- What else the installer that ran last has made: a view, a procedure, a procedure that runs a script of ours and is to be signed
-- (script), a schema version (version). Doctor compares these rows with what is there; the installer alone writes them.
CREATE TABLE dbo.declared_parts (
    kind VARCHAR(10) NOT NULL,
    name NVARCHAR(260) NOT NULL,
    CONSTRAINT PK_declared_parts PRIMARY KEY (kind, name),
    CONSTRAINT CK_declared_parts_kind CHECK (kind IN ('view', 'procedure', 'script', 'version'))
);
