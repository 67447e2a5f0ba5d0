-- EndJob: ends a worker's run of the work that it is at, where nothing is left of that, where the network or the preprocessing is no more,
-- or where others hold all that is left while another work has something open.
-- Called by TakeWork, whose tables #job and #todo it empties then, and whose tables #chunk, #failed and #left it reads.
CREATE OR ALTER PROCEDURE internal.EndJob
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @RunId INT, @WorkId INT, @Total INT, @Failed INT, @Message NVARCHAR(2000), @Result NVARCHAR(2000),
        @ProcedureName NVARCHAR(128);
    SELECT @RunId = run_id, @WorkId = work_id, @Total = total, @ProcedureName = procedure_name FROM #job;
    IF @WorkId IS NULL
        RETURN 0;
    SET @Failed = (SELECT COUNT(*) FROM #failed);
    IF NOT EXISTS (
        SELECT 1
        FROM #job AS j
        INNER JOIN dbo.networks AS n ON n.network_id = j.network_id
        LEFT JOIN dbo.preprocessings AS p ON p.name = j.preprocessing AND p.digest = j.digest
        WHERE j.preprocessing IS NULL OR p.name IS NOT NULL)
        SET @Message = N'The network or the preprocessing was deleted or changed meanwhile. What is stored stays.';
    ELSE IF EXISTS (SELECT 1 FROM #todo)
    BEGIN
        IF EXISTS (SELECT 1 FROM #chunk) OR EXISTS (SELECT 1 FROM dbo.work_items WHERE work_id = @WorkId AND state = 'open')
            OR NOT EXISTS (
                SELECT 1
                FROM dbo.work AS w
                INNER JOIN dbo.work_items AS i ON i.work_id = w.work_id
                WHERE w.procedure_name = @ProcedureName AND i.state = 'open' AND w.work_id NOT IN (
                    SELECT work_id FROM #left WHERE left_at > DATEADD(MINUTE, -10, SYSUTCDATETIME())))
            RETURN 0;
        SET @Result = N'Others hold what is left; the worker goes on with another work.';
    END;
    IF @Message IS NULL AND @Failed > 0 AND @ProcedureName = N'FeaturizeImages'
        SET @Message = CONCAT(@Failed, N' of ', @Total, N' pictures failed and have no features; dbo.run_steps says why, for run ', @RunId,
            N'. The others are stored. Load those again and queue again.');
    ELSE IF @Message IS NULL AND @Failed > 0
        SET @Message = CONCAT(@Failed, N' of ', @Total, N' scans failed and have no features; dbo.scan_failures says why. The others are ',
            N'stored. Mend or reload those scans and queue again.');
    EXECUTE internal.EndRun @RunId, @Failed, @Message, @Result;
    DELETE FROM #job;
    DELETE FROM #todo;
END;
