-- ReleaseWork: frees what a worker holds and ends its run.
-- Example: EXECUTE dbo.ReleaseWork @Message = N'Interrupted.';
CREATE OR ALTER PROCEDURE dbo.ReleaseWork
    @Message NVARCHAR(2000) = NULL, -- why, for the run; NULL means that it is done
    @Help BIT = 0                   -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.ReleaseWork is called by lungdb work when it ends or cannot go on, so that others take at once what it holds. With a
message, what it holds for the third time has failed.
Parameters:
    @Message NVARCHAR(2000) = NULL  why, for the run; NULL means that it is done
    @Help BIT = 0                   1 prints this help and does nothing else
Example:
    EXECUTE dbo.ReleaseWork @Message = N''Interrupted.'';';
        RETURN 0;
    END;

    IF OBJECT_ID(N'tempdb..#job') IS NULL
        THROW 50463, N'The tables of a worker are not there. lungdb work makes them; call this through it.', 1;
    DECLARE @RunId INT, @WorkId INT, @Worker NVARCHAR(128), @Text NVARCHAR(2000) = REPLACE(@Message, N'%', N'%%');
    SELECT @RunId = run_id, @WorkId = work_id, @Worker = worker FROM #job;
    -- What cannot be done is not tried for ever: an error counts as an attempt, and the third has failed.
    IF @Message IS NOT NULL
        UPDATE dbo.work_items
        SET state = CASE WHEN attempts >= 3 THEN 'failed' ELSE 'open' END,
            error_number = CASE WHEN attempts >= 3 THEN 50462 END,
            error = CASE WHEN attempts >= 3 THEN LEFT(CONCAT(N'Three sessions failed at it, the last with: ', @Message), 2000) END
        WHERE work_id = @WorkId AND worker = @Worker AND state = 'leased';
    EXECUTE internal.EndRun @RunId, 0, @Text;
    DELETE FROM #job;
    DELETE FROM #todo;
END;
