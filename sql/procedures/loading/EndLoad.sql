-- EndLoad: ends a run of a loader in the log, dbo.runs, which the same session began with StartLoad.
-- Example: EXECUTE dbo.EndLoad @RunId = 12, @Scans = 40, @Slices = 6100;
CREATE OR ALTER PROCEDURE dbo.EndLoad
    @RunId INT = NULL,               -- row of dbo.runs that StartLoad gave; NULL does nothing, as where the log cannot be written
    @Scans INT = NULL,               -- scans that were stored, where that is counted
    @Slices BIGINT = NULL,           -- their slices
    @Failed INT = 0,                 -- how much was not taken
    @Result NVARCHAR(2000) = NULL,   -- what came of it, without names, ids and indices of patients
    @Error NVARCHAR(2000) = NULL,    -- or the error that ended it, likewise
    @Help BIT = 0                    -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.EndLoad ends a run of a loader in dbo.runs, as failed where there is an error, and gives its lock back.
Parameters:
    @RunId INT = NULL              row of dbo.runs that StartLoad gave; NULL does nothing, as where the log cannot be written
    @Scans INT = NULL              scans that were stored, where that is counted
    @Slices BIGINT = NULL          their slices
    @Failed INT = 0                how much was not taken
    @Result NVARCHAR(2000) = NULL  what came of it, without names, ids and indices of patients
    @Error NVARCHAR(2000) = NULL   or the error that ended it, likewise
    @Help BIT = 0                  1 prints this help and does nothing else
Example:
    EXECUTE dbo.EndLoad @RunId = 12, @Scans = 40, @Slices = 6100, @Failed = 2, @Result = N''40 loaded, 2 rejected'';';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000), @Said NVARCHAR(2000) = COALESCE(@Error, @Result, N'Done.');
    IF @RunId IS NULL
        RETURN 0;
    IF @Scans < 0 OR @Slices < 0 OR @Failed IS NULL OR @Failed < 0
        THROW 50101, N'@Scans, @Slices and @Failed are counts, 0 and up. Give those, or leave them out.', 1;
    -- A loader whose connection was lost goes on in another session, and the lock went with the first.
    IF APPLOCK_MODE('public', CONCAT(N'lungdb run ', @RunId), 'Session') <> 'Exclusive' AND NOT EXISTS (
        SELECT 1
        FROM dbo.runs
        WHERE run_id = @RunId AND status = 'running' AND nesting = 0 AND login = ORIGINAL_LOGIN()
            AND APPLOCK_TEST('public', CONCAT(N'lungdb run ', run_id), 'Exclusive', 'Session') = 1)
    BEGIN
        SET @Message = CONCAT(N'The value ', @RunId, N' for the parameter @RunId is not supported. Supported is what StartLoad gave this ',
            N'session, or one of this login that was lost, and was not ended.');
        THROW 50101, @Message, 1;
    END;
    EXECUTE internal.ReportStep @RunId, @Said, @Scans, @Scans, @Scans, @Slices;
    SET @Message = REPLACE(@Error, N'%', N'%%');
    EXECUTE internal.EndRun @RunId, @Failed, @Message;
END;
