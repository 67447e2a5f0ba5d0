-- StartJob: takes part in the oldest work of features of which something is open, or else in the oldest of which others hold something,
-- for a worker beside the server, and begins its run.
-- Called by TakeWork, whose tables #job, #layers, #todo, #queue, #chunk and #failed it fills.
CREATE OR ALTER PROCEDURE internal.StartJob
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Locked INT, @Worker NVARCHAR(128), @WorkId INT, @Arguments NVARCHAR(MAX), @NetworkId INT, @Layer NVARCHAR(256),
        @Preprocessing NVARCHAR(32), @Pooling NVARCHAR(128), @Packages NVARCHAR(MAX), @RunId INT, @Total INT, @Message NVARCHAR(2000),
        @Given NVARCHAR(4000);
    DELETE FROM #layers;
    DELETE FROM #todo;
    DELETE FROM #queue;
    DELETE FROM #chunk;
    DELETE FROM #failed;
    EXECUTE internal.NameWorker @Worker OUTPUT;
    BEGIN TRANSACTION;
    SET @Locked = (SELECT COUNT(*) FROM dbo.work WITH (UPDLOCK, HOLDLOCK));
    DELETE FROM dbo.work_sessions WHERE worker = @Worker OR APPLOCK_TEST('public', worker, 'Exclusive', 'Session') = 1;
    -- What was queued for a network or a preprocessing that is no more can never be done.
    DELETE FROM dbo.work
    WHERE is_queued = 1 AND work_id NOT IN (SELECT work_id FROM dbo.work_sessions) AND NOT EXISTS (
        SELECT 1
        FROM dbo.networks AS n
        INNER JOIN dbo.preprocessings AS p ON p.name = JSON_VALUE(work.arguments, N'$.preprocessing')
        WHERE n.network_id = CAST(JSON_VALUE(work.arguments, N'$.network_id') AS INT)
            AND CONVERT(VARCHAR(64), p.digest, 2) = JSON_VALUE(work.arguments, N'$.digest'));
    SET @WorkId = (
        SELECT TOP (1) w.work_id
        FROM dbo.work AS w
        INNER JOIN dbo.networks AS n ON n.network_id = CAST(JSON_VALUE(w.arguments, N'$.network_id') AS INT)
        INNER JOIN dbo.preprocessings AS p ON p.name = JSON_VALUE(w.arguments, N'$.preprocessing')
            AND CONVERT(VARCHAR(64), p.digest, 2) = JSON_VALUE(w.arguments, N'$.digest')
        INNER JOIN dbo.work_items AS i ON i.work_id = w.work_id
        WHERE w.procedure_name = N'GenerateFeatures' AND i.state IN ('open', 'leased')
        ORDER BY CASE i.state WHEN 'open' THEN 0 ELSE 1 END, w.work_id);
    IF @WorkId IS NOT NULL
        INSERT INTO dbo.work_sessions (work_id, worker) VALUES (@WorkId, @Worker);
    COMMIT TRANSACTION;
    IF @WorkId IS NULL
    BEGIN
        EXECUTE internal.LeaveWork;
        RETURN 0;
    END;

    BEGIN TRY
        SET @Arguments = (SELECT arguments FROM dbo.work WHERE work_id = @WorkId);
        SELECT @NetworkId = CAST(JSON_VALUE(@Arguments, N'$.network_id') AS INT), @Layer = JSON_VALUE(@Arguments, N'$.layer'),
            @Preprocessing = JSON_VALUE(@Arguments, N'$.preprocessing'), @Pooling = JSON_VALUE(@Arguments, N'$.pooling');
        EXECUTE internal.CheckFeatureArguments @Layer, @Preprocessing, @Pooling, 32, 64, 0, @Packages OUTPUT, 0;
        EXECUTE internal.NumberLayers @Layer;
        INSERT INTO #todo (scan_id, slices, bytes, is_kept, kept_bytes)
        SELECT CAST(i.item AS INT), COALESCE(s.number_images, 0), i.bytes, 0, 0
        FROM dbo.work_items AS i
        LEFT JOIN dbo.scans AS s ON s.scan_id = CAST(i.item AS INT)
        WHERE i.work_id = @WorkId AND i.state IN ('open', 'leased');
        EXECUTE internal.QueueScans @WorkId;
        SET @Total = (SELECT COUNT(*) FROM #todo);
        SET @Given = JSON_MODIFY(JSON_MODIFY(JSON_MODIFY(JSON_MODIFY(N'{}', N'$.network', (
            SELECT name FROM dbo.networks WHERE network_id = @NetworkId)), N'$.layer', @Layer), N'$.preprocessing', @Preprocessing),
            N'$.pooling', @Pooling);
        EXECUTE internal.StartRun N'GenerateFeatures', @RunId OUTPUT, @Given;
        SET @Message = CONCAT(N'A worker takes part: layer ', @Layer, N', preprocessing ', @Preprocessing, N', pooling ', @Pooling, N': ',
            @Total, N' scans to do.');
        EXECUTE internal.ReportStep @RunId, @Message, 0, @Total;
        INSERT INTO #job (work_id, run_id, worker, network_id, layer, preprocessing, digest, pooling, recompute, packages, started, total,
            done, slices)
        VALUES (@WorkId, @RunId, @Worker, @NetworkId, @Layer, @Preprocessing,
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
