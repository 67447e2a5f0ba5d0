-- Restores a backup of lung_cancer_database under another name beside it and looks whether it is whole; nothing of
-- lung_cancer_database changes. Run it in master. Change the first lines. Then, from a machine with lungdb,
--     lungdb check -d "Driver={ODBC Driver 18 for SQL Server};Server=…;Database=lung_cancer_drill;…"
-- and after that DROP DATABASE lung_cancer_drill; in master. Untried on a server; after
-- https://learn.microsoft.com/sql/t-sql/statements/restore-statements-transact-sql
-- sqlcmd begins with QUOTED_IDENTIFIER off, and .value() of XML needs it on.
SET QUOTED_IDENTIFIER ON;
GO
-- NULL takes the newest backup of this server; else a name as N'/var/opt/mssql/backup/lung_cancer_database_20261130_030000.bak'.
DECLARE @File NVARCHAR(260) = NULL;
DECLARE @Position INT = 1;           -- which backup of that file it is; of the newest it is found out
DECLARE @Folder NVARCHAR(200) = N'/var/opt/mssql/data/';  -- ends in a slash, on Windows in a backslash
IF DB_ID(N'lung_cancer_drill') IS NOT NULL
BEGIN
    RAISERROR(N'There is a database lung_cancer_drill, perhaps of the last drill. Look what it is, and drop it first.', 16, 1);
    RETURN;
END;
IF @File IS NULL
    EXECUTE sp_executesql N'
    SELECT TOP (1) @File = f.physical_device_name, @Position = b.position
    FROM msdb.dbo.backupset AS b
    INNER JOIN msdb.dbo.backupmediafamily AS f ON f.media_set_id = b.media_set_id
    WHERE b.database_name = N''lung_cancer_database'' AND b.type = ''D''
    ORDER BY b.backup_finish_date DESC;', N'@File NVARCHAR(260) OUTPUT, @Position INT OUTPUT', @File = @File OUTPUT,
        @Position = @Position OUTPUT;
IF @File IS NULL
BEGIN
    RAISERROR(N'This server has made no whole backup of lung_cancer_database. Name one of another server in the first lines.', 16, 1);
    RETURN;
END;
-- The logical names are those of the database as it is now; a backup of before a file was added has fewer.
DECLARE @Moves NVARCHAR(MAX) = (
    SELECT N', MOVE ' + QUOTENAME(name, N'''') + N' TO ' + QUOTENAME(@Folder + N'lung_cancer_drill_'
        + CONVERT(NVARCHAR(10), file_id) + CASE WHEN type = 1 THEN N'.ldf' WHEN file_id = 1 THEN N'.mdf' ELSE N'.ndf' END, N'''')
    FROM sys.master_files
    WHERE database_id = DB_ID(N'lung_cancer_database')
    ORDER BY file_id
    FOR XML PATH(N''), TYPE).value(N'.', N'NVARCHAR(MAX)');
IF @Moves IS NULL
BEGIN
    RAISERROR(N'There is no lung_cancer_database here to take the names of files from. RESTORE FILELISTONLY names them.', 16, 1);
    RETURN;
END;
DECLARE @Sql NVARCHAR(MAX) = N'
RESTORE DATABASE lung_cancer_drill FROM DISK = @File WITH FILE = @Position, CHECKSUM, STATS = 10' + @Moves + N';
DBCC CHECKDB (lung_cancer_drill) WITH NO_INFOMSGS;
SELECT version, applied_at FROM lung_cancer_drill.dbo.schema_version ORDER BY version;
SELECT (SELECT COUNT(*) FROM lung_cancer_drill.dbo.scans) AS scans_restored,
    (SELECT COUNT(*) FROM lung_cancer_database.dbo.scans) AS scans_now;';
EXECUTE sys.sp_executesql @Sql, N'@File NVARCHAR(260), @Position INT', @File, @Position;
