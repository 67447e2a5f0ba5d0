-- StartJob: takes part in the oldest work of features of which something is open, or else in the oldest of which others hold something,
-- for a worker beside the server, and begins its run. Work that nobody can do is set aside, and work that the worker has left is passed
-- over for ten minutes.
-- Called by TakeWork, whose tables #job, #layers, #todo and #queue it fills, #chunk and #failed it empties, and whose table #left it reads.
CREATE OR ALTER PROCEDURE internal.StartJob
    @ProcedureName NVARCHAR(128) -- GenerateFeatures or FeaturizeImages, for which the worker has made its tables
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Locked INT, @Worker NVARCHAR(128), @WorkId INT, @Arguments NVARCHAR(MAX), @NetworkId INT, @Layer NVARCHAR(256),
        @Preprocessing NVARCHAR(32), @Pooling NVARCHAR(128), @Packages NVARCHAR(MAX), @RunId INT, @Total INT, @Message NVARCHAR(2000),
        @Number INT, @Fault NVARCHAR(2000), @Given NVARCHAR(4000);
    CREATE TABLE #passed (work_id INT NOT NULL PRIMARY KEY);
    DELETE FROM #layers;
    DELETE FROM #todo;
    DELETE FROM #queue;
    DELETE FROM #chunk;
    DELETE FROM #failed;
    INSERT INTO #passed (work_id) SELECT work_id FROM #left WHERE left_at > DATEADD(MINUTE, -10, SYSUTCDATETIME());
    WHILE @WorkId IS NULL
    BEGIN
        EXECUTE internal.NameWorker @Worker OUTPUT;
        BEGIN TRANSACTION;
        SET @Locked = (SELECT COUNT(*) FROM dbo.work WITH (UPDLOCK, HOLDLOCK));
        DELETE FROM dbo.work_sessions WHERE worker = @Worker OR APPLOCK_TEST('public', worker, 'Exclusive', 'Session') = 1;
        SET @WorkId = (
            SELECT TOP (1) w.work_id
            FROM dbo.work AS w
            INNER JOIN dbo.work_items AS i ON i.work_id = w.work_id
            WHERE w.procedure_name = @ProcedureName AND i.state IN ('open', 'leased')
                AND w.work_id NOT IN (SELECT work_id FROM #passed)
            ORDER BY CASE i.state WHEN 'open' THEN 0 ELSE 1 END, w.work_id);
        IF @WorkId IS NOT NULL
            INSERT INTO dbo.work_sessions (work_id, worker) VALUES (@WorkId, @Worker);
        COMMIT TRANSACTION;
        IF @WorkId IS NULL
        BEGIN
            EXECUTE internal.LeaveWork;
            RETURN 0;
        END;
        EXECUTE internal.FindWorkFault @WorkId, @Number OUTPUT, @Fault OUTPUT;
        IF @Fault IS NOT NULL
        BEGIN
            EXECUTE internal.SetWorkAside @WorkId, @Worker, @Number, @Fault, @Message OUTPUT;
            SET @RunId = NULL;
            IF @Message IS NOT NULL
            BEGIN
                SET @Given = JSON_MODIFY(N'{}', N'$.work_id', @WorkId);
                EXECUTE internal.StartRun @ProcedureName, @RunId OUTPUT, @Given;
                EXECUTE internal.ReportStep @RunId, @Message;
                SET @Message = REPLACE(@Message, N'%', N'%%');
            END;
            EXECUTE internal.EndRun @RunId, 0, @Message;
            INSERT INTO #passed (work_id) VALUES (@WorkId);
            SET @WorkId = NULL;
        END;
    END;

    BEGIN TRY
        SET @Arguments = (SELECT arguments FROM dbo.work WHERE work_id = @WorkId);
        SELECT @NetworkId = CAST(JSON_VALUE(@Arguments, N'$.network_id') AS INT), @Layer = JSON_VALUE(@Arguments, N'$.layer'),
            @Preprocessing = JSON_VALUE(@Arguments, N'$.preprocessing'), @Pooling = JSON_VALUE(@Arguments, N'$.pooling');
        -- What is wrong now is a setting: no work can be done.
        IF @Preprocessing IS NULL
            EXECUTE internal.CheckImageArguments N'', @Layer, 32, 64, 0;
        ELSE
            EXECUTE internal.CheckFeatureArguments @Layer, @Preprocessing, @Pooling, 32, 64, 0, @Packages OUTPUT, 0;
        EXECUTE internal.NumberLayers @Layer;
        IF @Preprocessing IS NULL
            EXECUTE internal.StartImageJob @WorkId;
        ELSE
            EXECUTE internal.StartScanJob @WorkId;
        SET @Total = (SELECT COUNT(*) FROM #todo);
        SET @Given = JSON_MODIFY(JSON_MODIFY(JSON_MODIFY(JSON_MODIFY(N'{}', N'$.network', (
            SELECT name FROM dbo.networks WHERE network_id = @NetworkId)), N'$.layer', @Layer), N'$.preprocessing', @Preprocessing),
            N'$.pooling', @Pooling);
        EXECUTE internal.StartRun @ProcedureName, @RunId OUTPUT, @Given;
        SET @Message = CONCAT(N'A worker takes part: layer ', @Layer, N', preprocessing ' + @Preprocessing + N', pooling ' + @Pooling,
            N': ', @Total, CASE WHEN @Preprocessing IS NULL THEN N' pictures to do.' ELSE N' scans to do.' END);
        EXECUTE internal.ReportStep @RunId, @Message, 0, @Total;
        INSERT INTO #job (work_id, procedure_name, run_id, worker, network_id, layer, preprocessing, digest, pooling, recompute, packages,
            started, total, done, slices)
        VALUES (@WorkId, @ProcedureName, @RunId, @Worker, @NetworkId, @Layer, @Preprocessing,
            CONVERT(VARBINARY(32), JSON_VALUE(@Arguments, N'$.digest'), 2), @Pooling,
            CAST(JSON_VALUE(@Arguments, N'$.recompute') AS BIT), @Packages, SYSUTCDATETIME(), @Total, 0, 0);
    END TRY
    BEGIN CATCH
        IF @@TRANCOUNT > 0
            ROLLBACK TRANSACTION;
        -- Nobody waits for a worker that has not begun.
        SET @Message = REPLACE(ERROR_MESSAGE(), N'%', N'%%');
        DELETE FROM #job;
        DELETE FROM #todo;
        EXECUTE internal.EndRun @RunId, 0, @Message;
        THROW;
    END CATCH;
END;
