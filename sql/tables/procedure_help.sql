-- A public procedure, for dbo.Help: what it is for, in a sentence, and a call. The installer writes the rows from the procedures' files.
CREATE TABLE dbo.procedure_help (
    procedure_name NVARCHAR(128) NOT NULL,
    capability NVARCHAR(64) NOT NULL,
    purpose NVARCHAR(1000) NOT NULL,
    example NVARCHAR(1000) NOT NULL CONSTRAINT DF_procedure_help_example DEFAULT N'',
    CONSTRAINT PK_procedure_help PRIMARY KEY (procedure_name)
);
