-- JudgeScripts: says whether external scripts are allowed, and whether the server that runs knows.
-- Called by ExamineRuntime, whose caller's table #findings it fills.
CREATE OR ALTER PROCEDURE internal.JudgeScripts
    @Configured INT,  -- value of sys.configurations, or NULL where the server has no such option
    @Running INT      -- its value_in_use
AS
BEGIN
    SET NOCOUNT ON;

    INSERT INTO #findings (check_name, state, found, mend)
    SELECT N'external scripts', CASE WHEN @Configured = 1 AND @Running = 1 THEN 'ok' ELSE 'fault' END,
        CASE WHEN @Configured = 1 AND @Running = 1 THEN N'They are enabled, and the server runs with that.'
            WHEN @Configured = 1 THEN N'They are enabled, but the server still runs without (value 1, value_in_use 0).'
            WHEN @Configured = 0 THEN CONCAT(N'They are not enabled (value 0, value_in_use ', COALESCE(@Running, 0), N').')
            ELSE N'This server has no option "external scripts enabled".' END,
        CASE WHEN @Configured = 1 AND @Running = 1 THEN NULL
            WHEN @Configured = 1 THEN N'RECONFIGURE WITH OVERRIDE; -- where that does not help, restart SQL Server and its launchpad'
            WHEN @Configured = 0
                THEN N'EXECUTE sp_configure N''external scripts enabled'', 1; RECONFIGURE WITH OVERRIDE; -- then restart SQL Server'
            ELSE N'lungdb install --sql-only -d TARGET -- in a new database; lungdb copy brings models over' END;
END;
