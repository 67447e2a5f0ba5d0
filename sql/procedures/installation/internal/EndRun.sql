-- EndRun: ends a row of dbo.runs, as failed where there is a message, and gives the run's lock back, because pools keep sessions.
-- What the session holds of a queue is free again. Whoever gives a message throws it next.
-- Called by GenerateFeatures and every other procedure that called StartRun.
CREATE OR ALTER PROCEDURE internal.EndRun
    @RunId INT,                      -- row of dbo.runs; NULL where the log could not be written
    @Failed INT = 0,                 -- how much of what was to be done failed
    @Message NVARCHAR(2000) = NULL,  -- the error that ends it, with % doubled as THROW takes it, or NULL
    @Result NVARCHAR(2000) = NULL,   -- what it gave; NULL takes what it said last
    @Scans INT = NULL,               -- scans of the run; NULL takes the sum of its steps
    @Slices BIGINT = NULL            -- their slices, likewise
AS
BEGIN
    SET NOCOUNT ON;
    -- A log that cannot be written is no reason to stop the work, nor to doom a transaction of the caller.
    SET XACT_ABORT OFF;

    DECLARE @Trouble NVARCHAR(2000), @Resource NVARCHAR(255) = CONCAT(N'lungdb run ', @RunId), @Last NVARCHAR(2000),
        @StepScans INT, @StepSlices BIGINT, @Provider NVARCHAR(128);
    BEGIN TRY
        SELECT @StepScans = SUM(scans), @StepSlices = SUM(slices), @Provider = MAX(provider)
        FROM dbo.run_steps
        WHERE run_id = @RunId;
        SET @Last = (SELECT TOP (1) message FROM dbo.run_steps WHERE run_id = @RunId ORDER BY step DESC);
        UPDATE dbo.runs
        SET ended_at = SYSUTCDATETIME(), status = CASE WHEN @Message IS NULL THEN 'done' ELSE 'failed' END, failed = @Failed,
            message = REPLACE(@Message, N'%%', N'%'), result = CASE WHEN @Message IS NULL THEN COALESCE(@Result, @Last) END,
            seconds = CAST(DATEDIFF_BIG(MILLISECOND, started_at, SYSUTCDATETIME()) AS FLOAT) / 1000,
            scans = COALESCE(@Scans, @StepScans), slices = COALESCE(@Slices, @StepSlices), provider = @Provider
        WHERE run_id = @RunId;
    END TRY
    BEGIN CATCH
        IF XACT_STATE() = -1
            THROW;
        SET @Trouble = LEFT(CONCAT(N'The run log cannot be written, so dbo.runs has no end of this call. The work goes on; ',
            N'where the log is full, EXECUTE dbo.PurgeLog makes room: ', ERROR_MESSAGE()), 2000);
        RAISERROR(N'%s', 0, 1, @Trouble) WITH NOWAIT;
    END CATCH;
    IF @RunId IS NOT NULL AND APPLOCK_MODE('public', @Resource, 'Session') = 'Exclusive'
        EXECUTE sp_releaseapplock @Resource = @Resource, @LockOwner = 'Session';
    EXECUTE internal.LeaveWork;
END;
