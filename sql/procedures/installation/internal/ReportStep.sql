-- ReportStep: says how far a run is: as a message at once, and as a row of dbo.run_steps for other connections.
-- Inside a transaction the row is seen only when that ends, so runs call this outside of theirs.
-- Called by GenerateFeatures and every other procedure that called StartRun.
CREATE OR ALTER PROCEDURE internal.ReportStep
    @RunId INT,                      -- row of dbo.runs; NULL where the log could not be written
    @Message NVARCHAR(2000),         -- what to say
    @Done INT = NULL,                -- how much is done, or NULL where nothing is counted
    @Total INT = NULL,               -- of how much
    @Scans INT = NULL,               -- scans of this step
    @Slices BIGINT = NULL,           -- their slices
    @Provider NVARCHAR(128) = NULL,  -- ONNX Runtime's execution provider
    @CpuSeconds FLOAT = NULL,        -- processor time of the step's script; 0 where it is not known
    @PeakMegabytes FLOAT = NULL      -- most memory of its process; 0 where it is not known
AS
BEGIN
    SET NOCOUNT ON;
    -- A log that cannot be written is no reason to stop the work, nor to doom a transaction of the caller.
    SET XACT_ABORT OFF;

    DECLARE @Outer INT = @@TRANCOUNT, @Trouble NVARCHAR(2000);
    RAISERROR(N'%s', 0, 1, @Message) WITH NOWAIT;
    BEGIN TRY
        IF @Outer = 0
            BEGIN TRANSACTION;
        UPDATE dbo.runs SET done = COALESCE(@Done, done), total = COALESCE(@Total, total) WHERE run_id = @RunId;
        -- Whoever has the run deleted its row may do so: then nothing is recorded.
        INSERT INTO dbo.run_steps (
            run_id, step, message, done, total, scans, slices, seconds, cpu_seconds, peak_megabytes, provider)
        SELECT r.run_id,
            1 + COALESCE((SELECT MAX(s.step) FROM dbo.run_steps AS s WITH (UPDLOCK, HOLDLOCK) WHERE s.run_id = r.run_id), 0),
            @Message, @Done, @Total, @Scans, @Slices,
            CAST(DATEDIFF_BIG(MILLISECOND, COALESCE((SELECT MAX(s.at) FROM dbo.run_steps AS s WHERE s.run_id = r.run_id), r.started_at),
                SYSUTCDATETIME()) AS FLOAT) / 1000,
            NULLIF(@CpuSeconds, 0), NULLIF(@PeakMegabytes, 0), NULLIF(@Provider, N'')
        FROM dbo.runs AS r
        WHERE r.run_id = @RunId;
        IF @Outer = 0
            COMMIT TRANSACTION;
    END TRY
    BEGIN CATCH
        IF @Outer = 0 AND XACT_STATE() <> 0
            ROLLBACK TRANSACTION;
        IF XACT_STATE() = -1
            THROW;
        SET @Trouble = LEFT(CONCAT(N'The run log cannot be written, so this step is not in dbo.run_steps. The work goes on; ',
            N'where the log is full, EXECUTE dbo.PurgeLog makes room: ', ERROR_MESSAGE()), 2000);
        RAISERROR(N'%s', 0, 1, @Trouble) WITH NOWAIT;
    END CATCH;
END;
