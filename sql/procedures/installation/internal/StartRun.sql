-- StartRun: begins a row of dbo.runs, and takes the lock of this session that tells others that the run goes on.
-- Called by StartFeatures and every other procedure that reports how far it is, outside of a transaction.
CREATE OR ALTER PROCEDURE internal.StartRun
    @ProcedureName NVARCHAR(128),     -- who begins
    @RunId INT OUTPUT,                -- its row; NULL where the log cannot be written
    @Arguments NVARCHAR(4000) = NULL, -- what it was called with, as JSON, without names, ids and indices of patients
    @Nesting INT = NULL               -- 0 for what goes on between the calls of a session; NULL means the caller's depth
AS
BEGIN
    SET NOCOUNT ON;
    -- A log that cannot be written is no reason to stop the work, nor to doom a transaction of the caller.
    SET XACT_ABORT OFF;

    DECLARE @Message NVARCHAR(2000), @Resource NVARCHAR(255), @Before INT = 0;
    SELECT @RunId = NULL, @Nesting = COALESCE(@Nesting, @@NESTLEVEL - 1);
    BEGIN TRY
        INSERT INTO dbo.runs (procedure_name, arguments, nesting) VALUES (@ProcedureName, @Arguments, @Nesting);
        SET @RunId = SCOPE_IDENTITY();
        SET @Resource = CONCAT(N'lungdb run ', @RunId);
        EXECUTE sp_getapplock @Resource = @Resource, @LockMode = 'Exclusive', @LockOwner = 'Session', @LockTimeout = 0;
        -- What this session began at this depth or deeper is over, though an error kept it from giving its lock back.
        WHILE @Before IS NOT NULL
        BEGIN
            SET @Before = (
                SELECT MIN(r.run_id)
                FROM dbo.runs AS r
                WHERE r.run_id > @Before AND r.run_id < @RunId AND r.status = 'running' AND r.nesting >= @Nesting
                    AND APPLOCK_MODE('public', CONCAT(N'lungdb run ', r.run_id), 'Session') = 'Exclusive');
            SET @Resource = CONCAT(N'lungdb run ', @Before);
            IF @Before IS NOT NULL
                EXECUTE sp_releaseapplock @Resource = @Resource, @LockOwner = 'Session';
        END;
    END TRY
    BEGIN CATCH
        IF XACT_STATE() = -1
            THROW;
        SET @Message = LEFT(CONCAT(N'The run log cannot be written, so this call is not in dbo.runs. The work goes on; ',
            N'where the log is full, EXECUTE dbo.PurgeLog makes room: ', ERROR_MESSAGE()), 2000);
        RAISERROR(N'%s', 0, 1, @Message) WITH NOWAIT;
    END CATCH;
END;
