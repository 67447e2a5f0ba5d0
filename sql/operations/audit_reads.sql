-- Has SQL Server Audit record who reads the tables with patients directly, which dbo.audit, that the page and the
-- procedures fill, does not see. Run it as sysadmin; again changes nothing. Untried on a server; after
-- https://learn.microsoft.com/sql/relational-databases/security/auditing/sql-server-audit-database-engine
-- Change the folder, which SQL Server's service must be able to write and analysts not to read.
USE master;
GO
IF NOT EXISTS (SELECT 1 FROM sys.server_audits WHERE name = N'lungdb_reads')
BEGIN
    CREATE SERVER AUDIT lungdb_reads TO FILE (FILEPATH = N'/var/opt/mssql/audit/', MAXSIZE = 100 MB, MAX_ROLLOVER_FILES = 50)
    WITH (ON_FAILURE = CONTINUE);
    ALTER SERVER AUDIT lungdb_reads WITH (STATE = ON);
END;
GO
USE lung_cancer_database;
GO
IF NOT EXISTS (SELECT 1 FROM sys.database_audit_specifications WHERE name = N'lungdb_reads')
    EXECUTE (N'CREATE DATABASE AUDIT SPECIFICATION lungdb_reads FOR SERVER AUDIT lungdb_reads
    ADD (SELECT ON OBJECT::dbo.patients BY public),
    ADD (SELECT ON OBJECT::dbo.scans BY public),
    ADD (SELECT ON OBJECT::dbo.scan_images BY public),
    ADD (SELECT ON OBJECT::dbo.labels BY public),
    ADD (SELECT ON OBJECT::dbo.scan_labels BY public),
    ADD (SELECT ON OBJECT::dbo.numeric_labels BY public),
    ADD (SELECT ON OBJECT::dbo.nodules BY public),
    ADD (SELECT ON OBJECT::dbo.predictions BY public),
    ADD (DATABASE_PERMISSION_CHANGE_GROUP),
    ADD (DATABASE_ROLE_MEMBER_CHANGE_GROUP)
    WITH (STATE = ON);');
GO
-- What was recorded: SELECT event_time, server_principal_name, object_name, statement
-- FROM sys.fn_get_audit_file(N'/var/opt/mssql/audit/lungdb_reads*', DEFAULT, DEFAULT);
