-- EndRun: ends a row of dbo.runs, as failed where there is a message; whoever calls this throws the message next.
-- Called by GenerateFeatures and every other procedure that called StartRun.
CREATE OR ALTER PROCEDURE internal.EndRun
    @RunId INT,                     -- row of dbo.runs
    @Failed INT = 0,                -- how much of what was to be done failed
    @Message NVARCHAR(2000) = NULL  -- the error that ends it, with % doubled as THROW takes it, or NULL
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    UPDATE dbo.runs
    SET ended_at = SYSUTCDATETIME(), status = CASE WHEN @Message IS NULL THEN 'done' ELSE 'failed' END, failed = @Failed,
        message = REPLACE(@Message, N'%%', N'%')
    WHERE run_id = @RunId;
END;
