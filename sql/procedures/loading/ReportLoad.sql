-- ReportLoad: says how far a run is that the same session began with StartLoad.
-- Example: EXECUTE dbo.ReportLoad @RunId = 12, @Message = N'200 of 1000 scans', @Done = 200, @Total = 1000;
CREATE OR ALTER PROCEDURE dbo.ReportLoad
    @RunId INT = NULL,               -- row of dbo.runs that StartLoad gave; NULL does nothing, as where the log cannot be written
    @Message NVARCHAR(2000) = NULL,  -- what to say, without names, ids and indices of patients; needed
    @Done INT = NULL,                -- how much is done, 0 and up, or NULL where nothing is counted
    @Total INT = NULL,               -- of how much
    @Help BIT = 0                    -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.ReportLoad says how far a run is that the same session began with StartLoad: ListRuns shows it while the run goes on.
Parameters:
    @RunId INT = NULL               row of dbo.runs that StartLoad gave; NULL does nothing, as where the log cannot be written
    @Message NVARCHAR(2000) = NULL  what to say, without names, ids and indices of patients; needed
    @Done INT = NULL                how much is done, 0 and up, or NULL where nothing is counted
    @Total INT = NULL               of how much
    @Help BIT = 0                   1 prints this help and does nothing else
Example:
    EXECUTE dbo.ReportLoad @RunId = 12, @Message = N''200 of 1000 scans'', @Done = 200, @Total = 1000;';
        RETURN 0;
    END;

    IF @RunId IS NULL
        RETURN 0;
    IF @Message IS NULL OR @Done < 0 OR @Total < 0
        THROW 50101, N'@Message is needed, and @Done and @Total are counts, 0 and up. Give a text and counts, or leave these out.', 1;
    IF APPLOCK_MODE('public', CONCAT(N'lungdb run ', @RunId), 'Session') <> 'Exclusive'
        THROW 50101, N'The value for the parameter @RunId is not supported. Supported is what StartLoad gave this session.', 1;
    EXECUTE internal.ReportStep @RunId, @Message, @Done, @Total;
END;
