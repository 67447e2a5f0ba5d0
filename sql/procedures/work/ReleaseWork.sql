-- ReleaseWork: frees what a worker holds and ends its run; says what becomes of work that the worker could not do.
-- Example: EXECUTE dbo.ReleaseWork @Message = N'The network has no layer ''typo''.', @ErrorNumber = 50115;
CREATE OR ALTER PROCEDURE dbo.ReleaseWork
    @Message NVARCHAR(2000) = NULL, -- why, for the run; NULL means that it is done
    @ErrorNumber INT = NULL,        -- number of the error that it is
    @Help BIT = 0                   -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.ReleaseWork is called by lungdb work when it ends or cannot go on, so that others take at once what it holds. What the
work itself is to blame for (50104, 50105, 50110, 50115) sets it aside: what is open of it has failed, for all. What the
machine of the worker lacks (50101, 50116, 50230, 50340, 50390, 50394, or no number of ours) leaves it to others: this worker passes
it over for ten minutes. With any other number what the worker holds for the third time has failed. It returns a row: outcome, which is
done, set aside, left or given back.
Parameters:
    @Message NVARCHAR(2000) = NULL  why, for the run; NULL means that it is done
    @ErrorNumber INT = NULL         number of the error that it is
    @Help BIT = 0                   1 prints this help and does nothing else
Example:
    EXECUTE dbo.ReleaseWork @Message = N''The network has no layer ''''typo''''.'', @ErrorNumber = 50115;';
        RETURN 0;
    END;

    IF OBJECT_ID(N'tempdb..#job') IS NULL
        THROW 50463, N'The tables of a worker are not there. lungdb work makes them; call this through it.', 1;
    DECLARE @RunId INT, @WorkId INT, @Worker NVARCHAR(128), @Text NVARCHAR(2000) = REPLACE(@Message, N'%', N'%%'), @Said NVARCHAR(2000),
        @Outcome NVARCHAR(10) = N'done';
    SELECT @RunId = run_id, @WorkId = work_id, @Worker = worker FROM #job;
    IF @Message IS NOT NULL AND @WorkId IS NOT NULL
    BEGIN
        IF @ErrorNumber IN (50104, 50105, 50110, 50115)
        BEGIN
            EXECUTE internal.SetWorkAside @WorkId, @Worker, @ErrorNumber, @Message, @Said OUTPUT;
            SET @Outcome = N'set aside';
        END;
        ELSE IF COALESCE(@ErrorNumber, 0) IN (0, 50101, 50116, 50230, 50340, 50390, 50394)
        BEGIN
            DELETE FROM #left WHERE work_id = @WorkId;
            INSERT INTO #left (work_id, left_at) VALUES (@WorkId, SYSUTCDATETIME());
            SET @Outcome = N'left';
            SET @Said = LEFT(CONCAT(N'Work ', @WorkId, N' cannot be done on this machine and is left to others: ', @Message), 2000);
        END;
        ELSE
        BEGIN
            -- What cannot be done is not tried for ever: an error counts as an attempt, and the third has failed.
            UPDATE dbo.work_items
            SET state = CASE WHEN attempts >= 3 THEN 'failed' ELSE 'open' END,
                error_number = CASE WHEN attempts >= 3 THEN 50462 END,
                error = CASE WHEN attempts >= 3
                    THEN LEFT(CONCAT(N'Three sessions failed at it, the last with: ', @Message), 2000) END
            WHERE work_id = @WorkId AND worker = @Worker AND state = 'leased';
            IF EXISTS (SELECT 1 FROM #job WHERE procedure_name = N'FeaturizeImages')
                EXECUTE internal.FailImages @RunId, @WorkId, @Worker;
            ELSE
                EXECUTE internal.FailScans @RunId, @WorkId, @Worker;
            SET @Outcome = N'given back';
            SET @Said = LEFT(CONCAT(N'A chunk of work ', @WorkId, N' is given back: ', @Message), 2000);
        END;
        IF @Said IS NOT NULL
            EXECUTE internal.ReportStep @RunId, @Said;
    END;
    EXECUTE internal.EndRun @RunId, 0, @Text;
    DELETE FROM #job;
    DELETE FROM #todo;
    SELECT @Outcome AS outcome;
END;
