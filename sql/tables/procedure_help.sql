-- A public procedure, for dbo.Help. The installer writes the rows from the procedures' files.
CREATE TABLE dbo.procedure_help (
    procedure_name NVARCHAR(128) NOT NULL, -- name of the procedure in dbo
    capability NVARCHAR(64) NOT NULL,      -- what it belongs to: its folder, such as native scoring
    purpose NVARCHAR(1000) NOT NULL,       -- what it is for, in a sentence
    example NVARCHAR(1000) NOT NULL        -- a call of the procedure, to copy; empty where there is none
        CONSTRAINT DF_procedure_help_example DEFAULT N'',
    CONSTRAINT PK_procedure_help PRIMARY KEY (procedure_name)
);
