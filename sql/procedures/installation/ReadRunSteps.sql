-- ReadRunSteps: what the procedures of a session have said since, for whoever looks on from another connection.
-- Example: EXECUTE dbo.ReadRunSteps @SessionId = 61;
CREATE OR ALTER PROCEDURE dbo.ReadRunSteps
    @SessionId INT = NULL,       -- the session whose procedures are followed: its @@SPID; NULL is the caller's own
    @Since DATETIME2(3) = NULL,  -- only calls that started then or later, in UTC: numbers of sessions are used again
    @AfterRun INT = 0,           -- the run of the last step that is known, 0 for all
    @AfterStep INT = 0,          -- and that step
    @Help BIT = 0                -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.ReadRunSteps lists what the procedures of a session have said since a step, in order, for whoever looks on from another connection.
Parameters:
    @SessionId INT = NULL       the session whose procedures are followed: its @@SPID; NULL is the caller''s own
    @Since DATETIME2(3) = NULL  only calls that started then or later, in UTC: numbers of sessions are used again
    @AfterRun INT = 0           the run of the last step that is known, 0 for all
    @AfterStep INT = 0          and that step
    @Help BIT = 0               1 prints this help and does nothing else
Example:
    EXECUTE dbo.ReadRunSteps @SessionId = 61;';
        RETURN 0;
    END;

    SELECT s.run_id, s.step, s.message
    FROM dbo.runs AS r
    INNER JOIN dbo.run_steps AS s ON s.run_id = r.run_id
    WHERE r.session_id = COALESCE(@SessionId, @@SPID) AND (@Since IS NULL OR r.started_at >= @Since)
        AND (s.run_id > @AfterRun OR s.run_id = @AfterRun AND s.step > @AfterStep)
    ORDER BY s.run_id, s.step
    OPTION (RECOMPILE);
END;
