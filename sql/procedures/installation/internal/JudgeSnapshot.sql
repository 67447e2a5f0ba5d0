-- JudgeSnapshot: says whether readers wait for writers.
-- Called by ExamineServer, whose caller's table #findings it fills.
CREATE OR ALTER PROCEDURE internal.JudgeSnapshot
    @IsSnapshot BIT  -- is_read_committed_snapshot_on of sys.databases
AS
BEGIN
    SET NOCOUNT ON;

    INSERT INTO #findings (check_name, state, found, mend)
    SELECT N'snapshot isolation', CASE WHEN @IsSnapshot = 1 THEN 'ok' ELSE 'warning' END,
        CASE WHEN @IsSnapshot = 1 THEN N'READ_COMMITTED_SNAPSHOT is on.'
            ELSE N'READ_COMMITTED_SNAPSHOT is off: the web page waits while features are stored and scans are loaded.' END,
        CASE WHEN @IsSnapshot = 1 THEN NULL
            ELSE N'ALTER DATABASE CURRENT SET READ_COMMITTED_SNAPSHOT ON; -- it waits until no other session is in the database' END;
END;
