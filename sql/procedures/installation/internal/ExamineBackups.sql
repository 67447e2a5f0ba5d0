-- ExamineBackups: when the database was backed up last, with what, and whether anybody has read the backup since.
-- Called by Doctor, whose table #findings it fills.
CREATE OR ALTER PROCEDURE internal.ExamineBackups
AS
BEGIN
    SET NOCOUNT ON;

    DECLARE @Hours INT, @LogHours INT, @Position INT, @HasChecksums BIT, @WasRead BIT, @Device NVARCHAR(260), @Recovery NVARCHAR(60),
        @Number INT, @Text NVARCHAR(1500), @Grant NVARCHAR(1000), @Login NVARCHAR(260) = QUOTENAME(ORIGINAL_LOGIN());
    IF CAST(SERVERPROPERTY(N'EngineEdition') AS INT) IN (5, 11, 12)
    BEGIN
        INSERT INTO #findings (check_name, state, found)
        VALUES (N'backups', 'not applicable',
            N'Azure SQL Database makes its own; whether they can be restored, only restoring one says.');
        RETURN 0;
    END;
    BEGIN TRY
        EXECUTE sp_executesql N'SELECT TOP (1) @Hours = DATEDIFF(HOUR, b.backup_finish_date, GETDATE()),
    @HasChecksums = b.has_backup_checksums,
    @Device = f.physical_device_name,
    @Position = b.position,
    @WasRead = CASE WHEN EXISTS (SELECT 1 FROM msdb.dbo.restorehistory AS r WHERE r.backup_set_id = b.backup_set_id) THEN 1 ELSE 0 END
FROM msdb.dbo.backupset AS b
INNER JOIN msdb.dbo.backupmediafamily AS f ON f.media_set_id = b.media_set_id
WHERE b.database_name = DB_NAME() AND b.type = ''D''
ORDER BY b.backup_finish_date DESC;
SELECT @LogHours = DATEDIFF(HOUR, MAX(b.backup_finish_date), GETDATE()) FROM msdb.dbo.backupset AS b
WHERE b.database_name = DB_NAME() AND b.type = ''L'';
SELECT @Recovery = d.recovery_model_desc FROM sys.databases AS d WHERE d.database_id = DB_ID();',
            N'@Hours INT OUTPUT, @HasChecksums BIT OUTPUT, @Device NVARCHAR(260) OUTPUT, @WasRead BIT OUTPUT, @LogHours INT OUTPUT,
            @Recovery NVARCHAR(60) OUTPUT, @Position INT OUTPUT', @Hours OUTPUT, @HasChecksums OUTPUT, @Device OUTPUT, @WasRead OUTPUT,
            @LogHours OUTPUT, @Recovery OUTPUT, @Position OUTPUT;
        EXECUTE internal.JudgeBackups @Hours, @HasChecksums, @WasRead, @Device, @Recovery, @LogHours, @Position;
    END TRY
    BEGIN CATCH
        SELECT @Number = ERROR_NUMBER(), @Text = ERROR_MESSAGE(),
            @Grant = CONCAT(N'USE msdb; CREATE USER ', @Login, N' FOR LOGIN ', @Login, N'; GRANT SELECT ON dbo.backupset TO ', @Login,
                N'; GRANT SELECT ON dbo.backupmediafamily TO ', @Login, N'; GRANT SELECT ON dbo.restorehistory TO ', @Login, N';');
        EXECUTE internal.NoteUnread N'backups', @Number, @Text, @Grant;
    END CATCH;
END;
