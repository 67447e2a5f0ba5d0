-- Backs lung_cancer_database up into one file with checksums, encrypted where a certificate is named, and verifies it. The file's name has
-- the day and the time, so that no backup is written over; delete old ones by a rule of yours, once a newer one was restored.
-- Run it in master. Change the first lines. Untried on a server; after
-- https://learn.microsoft.com/sql/t-sql/statements/backup-transact-sql (BACKUP), RESTORE VERIFYONLY and, for encryption,
-- https://learn.microsoft.com/sql/relational-databases/backup-restore/backup-encryption
DECLARE @Folder NVARCHAR(200) = N'/var/opt/mssql/backup/';  -- ends in a slash, on Windows in a backslash: N'D:\backup\'
DECLARE @Certificate NVARCHAR(128) = NULL;  -- of master, kept elsewhere with its private key: without it nobody reads the backup
-- 1 where another tool makes differential backups, which this one is then no base of; a COPY_ONLY backup begins no log backups either.
DECLARE @CopyOnly BIT = 0;
DECLARE @File NVARCHAR(260) = @Folder + N'lung_cancer_database_' + CONVERT(NVARCHAR(8), SYSDATETIME(), 112) + N'_'
    + REPLACE(CONVERT(NVARCHAR(8), SYSDATETIME(), 108), N':', N'') + N'.bak';
-- Pixels are compressed already, so COMPRESSION saves nothing. LOADHISTORY lets dbo.Doctor see that the backup was read.
DECLARE @Sql NVARCHAR(MAX) = N'
BACKUP DATABASE lung_cancer_database TO DISK = @File
WITH CHECKSUM, STATS = 10' + CASE WHEN @CopyOnly = 1 THEN N', COPY_ONLY' ELSE N'' END + CASE WHEN @Certificate IS NULL THEN N'' ELSE
    N', ENCRYPTION (ALGORITHM = AES_256, SERVER CERTIFICATE = ' + QUOTENAME(@Certificate) + N')' END + N';
RESTORE VERIFYONLY FROM DISK = @File WITH CHECKSUM, LOADHISTORY;';
EXECUTE sys.sp_executesql @Sql, N'@File NVARCHAR(260)', @File;
