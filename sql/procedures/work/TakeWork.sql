-- TakeWork: leases scans or pictures of queued features for a worker beside the server, and says what is to be done with them.
-- Example: EXECUTE dbo.TakeWork @ChunkMegabytes = 64;
CREATE OR ALTER PROCEDURE dbo.TakeWork
    @ChunkMegabytes INT = 64, -- megabytes of stored slices or pictures in one transaction, 1 to 512
    @Pictures BIT = 0,        -- 1 leases pictures, for which the worker's tables are others; 0 scans
    @Help BIT = 0             -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.TakeWork is called by lungdb work, which makes the tables #job, #layers, #todo, #queue, #chunk, #failed and
#result first. It returns a row with what is to be done with the items that it has leased, of which there are none
where others hold all that is left; no row where there is no work. ReadWork gives them, StoreWork stores what
came of them. It ends the run of a work that is done.
Parameters:
    @ChunkMegabytes INT = 64  megabytes of stored slices or pictures in one transaction, 1 to 512
    @Pictures BIT = 0         1 leases pictures, for which the worker''s tables are others; 0 scans
    @Help BIT = 0             1 prints this help and does nothing else
Example:
    EXECUTE dbo.TakeWork @ChunkMegabytes = 64;';
        RETURN 0;
    END;

    DECLARE @Worker NVARCHAR(128), @RunId INT, @WorkId INT, @Total INT, @Done INT, @Slices INT, @KeepBytes BIGINT, @Called DATETIME2(3),
        @Message NVARCHAR(2000), @Tries INT = 0, @NetworkId INT, @ProcedureName NVARCHAR(128);
    IF @ChunkMegabytes IS NULL OR @ChunkMegabytes NOT BETWEEN 1 AND 512
    BEGIN
        SET @Message = CONCAT(N'The value ', COALESCE(CAST(@ChunkMegabytes AS NVARCHAR(12)), N'NULL'),
            N' for the parameter @ChunkMegabytes is not supported. Supported values are 1 to 512.');
        THROW 50101, @Message, 1;
    END;
    IF @Pictures IS NULL
        THROW 50101, N'The value NULL for the parameter @Pictures is not supported. Supported values are 0 and 1.', 1;
    IF OBJECT_ID(N'tempdb..#job') IS NULL
        THROW 50463, N'The tables of a worker are not there. lungdb work makes them; call this through it.', 1;
    DELETE FROM #result;
    SET @ProcedureName = CASE @Pictures WHEN 1 THEN N'FeaturizeImages' ELSE N'GenerateFeatures' END;
    WHILE @Tries < 2
    BEGIN
        EXECUTE internal.EndJob;
        IF NOT EXISTS (SELECT 1 FROM #job)
            EXECUTE internal.StartJob @ProcedureName;
        IF NOT EXISTS (SELECT 1 FROM #job)
            RETURN 0;
        SELECT @Worker = worker, @RunId = run_id, @WorkId = work_id, @Total = total, @Done = done, @Slices = slices, @NetworkId = network_id
        FROM #job;
        IF @Pictures = 1
            EXECUTE internal.TakeImages @RunId, @WorkId, @Worker, @NetworkId, @ChunkMegabytes, @Total, @Done OUTPUT;
        ELSE
            EXECUTE internal.TakeScans @RunId, @WorkId, @Worker, @ChunkMegabytes, 0, @Total, @Done OUTPUT, @Slices OUTPUT,
                @KeepBytes OUTPUT, @Called OUTPUT;
        UPDATE #job SET done = @Done, slices = @Slices;
        -- Where others hold all that is left of this work, there may be one with something to do.
        SET @Tries = CASE WHEN EXISTS (SELECT 1 FROM #chunk) THEN 2 ELSE @Tries + 1 END;
    END;
    SELECT (SELECT COUNT(*) FROM #chunk) AS items, CONVERT(VARCHAR(64), n.sha256, 2) AS sha256, n.details, j.layer, j.preprocessing,
        j.pooling, p.steps, j.packages, s.value AS providers, TRY_CAST(t.value AS INT) AS threads
    FROM #job AS j
    INNER JOIN dbo.networks AS n ON n.network_id = j.network_id
    LEFT JOIN dbo.preprocessings AS p ON p.name = j.preprocessing
    LEFT JOIN dbo.settings AS s ON s.name = N'providers'
    LEFT JOIN dbo.settings AS t ON t.name = N'threads';
END;
