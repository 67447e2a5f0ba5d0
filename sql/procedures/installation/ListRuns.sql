-- ListRuns: the long calls of procedures, the newest first, and how far each is.
-- Example: EXECUTE dbo.ListRuns;
CREATE OR ALTER PROCEDURE dbo.ListRuns
    @Limit INT = 50, -- most rows, 1 to 10000
    @Help BIT = 0    -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.ListRuns lists the long calls of procedures, the newest first: who called, how far it is, what it said last and when.
A call that was killed or cancelled, or whose script failed, ended without a word; one that is running and was not heard of for
long works on a large chunk, or waits. Times are in UTC, memory is in megabytes.
Parameters:
    @Limit INT = 50  most rows, 1 to 10000
    @Help BIT = 0    1 prints this help and does nothing else
Example:
    EXECUTE dbo.ListRuns;';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000);
    IF @Limit IS NULL OR @Limit NOT BETWEEN 1 AND 10000
    BEGIN
        SET @Message = CONCAT(N'The value ', COALESCE(CONVERT(NVARCHAR(20), @Limit), N'NULL'),
            N' for the parameter @Limit is not supported. Supported values are 1 to 10000.');
        THROW 50101, @Message, 1;
    END;

    SELECT TOP (@Limit) r.run_id, r.procedure_name,
        -- A run of this session's own is over where this is called, however it ended.
        CASE
            WHEN l.state = 'running' AND r.nesting >= @@NESTLEVEL
                AND APPLOCK_MODE('public', CONCAT(N'lungdb run ', r.run_id), 'Session') = 'Exclusive' THEN 'ended without a word'
            ELSE l.state
        END AS status,
        r.started_at, r.ended_at, r.run_by, r.done, r.total, r.failed, l.heard_at, COALESCE(r.message, r.result, s.message) AS message,
        SYSUTCDATETIME() AS now, r.login, r.arguments, r.scans, r.slices, r.seconds, l.slices_per_second, r.provider,
        l.cpu_seconds, l.peak_megabytes
    FROM dbo.runs AS r
    INNER JOIN dbo.run_log AS l ON l.run_id = r.run_id
    LEFT JOIN dbo.run_steps AS s ON s.run_id = r.run_id AND s.step = l.steps
    ORDER BY r.run_id DESC;
END;
