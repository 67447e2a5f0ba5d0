-- JudgeBackups: says whether there is a backup that is new enough and that somebody has read.
-- Called by ExamineBackups, whose caller's table #findings it fills.
CREATE OR ALTER PROCEDURE internal.JudgeBackups
    @Hours INT,               -- since the newest whole backup ended; NULL where there is none
    @HasChecksums BIT,        -- 1 where it was written WITH CHECKSUM
    @WasRead BIT,             -- 1 where this server has restored or verified it
    @Device NVARCHAR(260),    -- the file that it is in
    @Recovery NVARCHAR(60),   -- recovery model of the database
    @LogHours INT,            -- since the newest backup of the log; NULL where there is none
    @Position INT = 1         -- which backup of the file it is: backups that are appended to one file have numbers
AS
BEGIN
    SET NOCOUNT ON;

    DECLARE @Database NVARCHAR(260) = QUOTENAME(DB_NAME()), @File NVARCHAR(600), @Read NVARCHAR(600);
    -- A name with the day and the time: a backup is never appended to another, nor written over one.
    SET @File = CONCAT(N'N''', REPLACE(DB_NAME(), N'''', N''''''), N'_', CONVERT(NVARCHAR(8), SYSDATETIME(), 112), N'_',
        REPLACE(CONVERT(NVARCHAR(5), SYSDATETIME(), 108), N':', N''), N'.bak''');
    SET @Read = CONCAT(N'N''', REPLACE(COALESCE(@Device, DB_NAME() + N'.bak'), N'''', N''''''), N'''');
    INSERT INTO #findings (check_name, state, found, mend)
    SELECT N'backups',
        CASE WHEN @Hours IS NULL THEN 'fault' WHEN @Hours > 168 OR @HasChecksums = 0 OR @WasRead = 0 THEN 'warning' ELSE 'ok' END,
        CASE WHEN @Hours IS NULL THEN N'This server knows of no whole backup of the database.'
            ELSE CONCAT(N'The newest whole backup ended ', @Hours, N' hours ago',
                CASE WHEN @HasChecksums = 0 THEN N', was written without checksums, by which damage shows when it is read' END,
                CASE WHEN @WasRead = 0 THEN N', and this server has not read it since' END, N'.') END,
        CASE WHEN @Hours IS NULL OR @Hours > 168 OR @HasChecksums = 0
                THEN CONCAT(N'BACKUP DATABASE ', @Database, N' TO DISK = ', @File, N' WITH CHECKSUM; RESTORE VERIFYONLY FROM DISK = ',
                    @File, N' WITH CHECKSUM, LOADHISTORY;')
            WHEN @WasRead = 0
                THEN CONCAT(N'RESTORE VERIFYONLY FROM DISK = ', @Read, N' WITH FILE = ', @Position, N', CHECKSUM, LOADHISTORY;') END;
    INSERT INTO #findings (check_name, state, found, mend)
    SELECT N'log backups',
        CASE WHEN @Recovery = N'SIMPLE' THEN 'not applicable' WHEN @LogHours IS NULL OR @LogHours > 24 THEN 'warning' ELSE 'ok' END,
        CASE WHEN @Recovery = N'SIMPLE' THEN N'The recovery model is SIMPLE: what was stored since the last backup is lost with the disk.'
            WHEN @LogHours IS NULL THEN CONCAT(N'The recovery model is ', @Recovery, N' and the log was never backed up: it only grows.')
            ELSE CONCAT(N'The newest backup of the log ended ', @LogHours, N' hours ago.') END,
        CASE WHEN @Recovery <> N'SIMPLE' AND (@LogHours IS NULL OR @LogHours > 24)
            THEN CONCAT(N'BACKUP LOG ', @Database, N' TO DISK = ', REPLACE(@File, N'.bak''', N'.trn'''), N' WITH CHECKSUM;') END;
END;
