-- TakeWork: leases scans of queued features for a worker beside the server, and says what is to be done with them.
-- Example: EXECUTE dbo.TakeWork @ChunkMegabytes = 64;
CREATE OR ALTER PROCEDURE dbo.TakeWork
    @ChunkMegabytes INT = 64, -- megabytes of stored slices in one transaction, 1 to 512
    @Help BIT = 0             -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.TakeWork is called by lungdb work, which makes the tables #job, #layers, #todo, #queue, #chunk, #failed and
#result first. It returns a row with what is to be done with the scans that it has leased, of which there are none
where others hold all that is left; no row where there is no work. ReadWork gives their slices, StoreWork stores what
came of them. It ends the run of a work that is done.
Parameters:
    @ChunkMegabytes INT = 64  megabytes of stored slices in one transaction, 1 to 512
    @Help BIT = 0             1 prints this help and does nothing else
Example:
    EXECUTE dbo.TakeWork @ChunkMegabytes = 64;';
        RETURN 0;
    END;

    DECLARE @Worker NVARCHAR(128), @RunId INT, @WorkId INT, @Total INT, @Done INT, @Slices INT, @KeepBytes BIGINT, @Called DATETIME2(3),
        @Message NVARCHAR(2000), @Tries INT = 0;
    IF @ChunkMegabytes IS NULL OR @ChunkMegabytes NOT BETWEEN 1 AND 512
    BEGIN
        SET @Message = CONCAT(N'The value ', COALESCE(CAST(@ChunkMegabytes AS NVARCHAR(12)), N'NULL'),
            N' for the parameter @ChunkMegabytes is not supported. Supported values are 1 to 512.');
        THROW 50101, @Message, 1;
    END;
    IF OBJECT_ID(N'tempdb..#job') IS NULL
        THROW 50463, N'The tables of a worker are not there. lungdb work makes them; call this through it.', 1;
    DELETE FROM #result;
    WHILE @Tries < 2
    BEGIN
        EXECUTE internal.EndJob;
        IF NOT EXISTS (SELECT 1 FROM #job)
            EXECUTE internal.StartJob;
        IF NOT EXISTS (SELECT 1 FROM #job)
            RETURN 0;
        SELECT @Worker = worker, @RunId = run_id, @WorkId = work_id, @Total = total, @Done = done, @Slices = slices FROM #job;
        EXECUTE internal.TakeScans @RunId, @WorkId, @Worker, @ChunkMegabytes, 0, @Total, @Done OUTPUT, @Slices OUTPUT, @KeepBytes OUTPUT,
            @Called OUTPUT;
        UPDATE #job SET done = @Done, slices = @Slices;
        -- Where others hold all that is left of this work, there may be one with something to do.
        SET @Tries = CASE WHEN EXISTS (SELECT 1 FROM #chunk) THEN 2 ELSE @Tries + 1 END;
    END;
    SELECT (SELECT COUNT(*) FROM #chunk) AS scans, CONVERT(VARCHAR(64), n.sha256, 2) AS sha256, n.details, j.layer, j.preprocessing,
        j.pooling, p.steps, j.packages, s.value AS providers, TRY_CAST(t.value AS INT) AS threads
    FROM #job AS j
    INNER JOIN dbo.networks AS n ON n.network_id = j.network_id
    INNER JOIN dbo.preprocessings AS p ON p.name = j.preprocessing
    LEFT JOIN dbo.settings AS s ON s.name = N'providers'
    LEFT JOIN dbo.settings AS t ON t.name = N'threads';
END;
