-- TakeScans: fills #chunk with the scans of #todo that are worked on next, and their contents as they are now; first those whose
-- prepared pictures are kept, and not together with others, so that the cost of both can be told. What other sessions have settled
-- meanwhile leaves #todo and counts as done; what they hold is waited for, with #chunk empty.
-- Called by GenerateFeatures and TakeWork, whose tables #todo, #queue, #failed and #chunk it reads and changes.
CREATE OR ALTER PROCEDURE internal.TakeScans
    @RunId INT,               -- row of dbo.runs
    @WorkId INT,              -- row of dbo.work
    @Worker NVARCHAR(128),    -- name of this session
    @ChunkMegabytes INT,      -- megabytes of stored slices, unless a single scan has more
    @Bound BIGINT,            -- bytes of prepared pictures to keep at most
    @Total INT,               -- scans that were to do
    @Done INT OUTPUT,         -- those that are done by now
    @Slices INT OUTPUT,       -- their slices
    @KeepBytes BIGINT OUTPUT, -- bytes of prepared pictures that the script is to give back
    @Called DATETIME2(3) OUTPUT -- when this is done and the script is called
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Others INT, @Bytes BIGINT = CAST(@ChunkMegabytes AS BIGINT) * 1000000;
    EXECUTE internal.ClaimItems @WorkId, @Worker, @Bytes, 2147483647, @RunId;
    DELETE FROM #chunk;
    -- Hexadecimal takes two characters a byte, and above 2 GB of them a runtime gives wrong data: such a scan goes without its slices.
    INSERT INTO #chunk (scan_id, slices, is_kept, content_sha256)
    SELECT t.scan_id,
        CASE WHEN t.bytes > 536870912 THEN -1
            ELSE (SELECT COUNT(*) FROM dbo.scan_images AS i WHERE i.scan_id = t.scan_id) END,
        t.is_kept, COALESCE(s.content_sha256, 0x)
    FROM #queue AS q
    INNER JOIN #todo AS t ON t.scan_id = q.position
    LEFT JOIN dbo.scans AS s ON s.scan_id = t.scan_id
    WHERE q.state = 'held';
    SET @KeepBytes = COALESCE((
        SELECT SUM(t.kept_bytes) FROM #todo AS t INNER JOIN #chunk AS c ON c.scan_id = t.scan_id WHERE t.is_kept = 0), 0);
    -- In hexadecimal twice as much comes back, and above 1 GB nothing does.
    SET @KeepBytes = (SELECT MIN(v.bytes) FROM (VALUES (@KeepBytes), (CAST(400000000 AS BIGINT)), (@Bound)) AS v (bytes));
    SET @Called = SYSUTCDATETIME();

    IF EXISTS (SELECT 1 FROM #queue WHERE state = 'settled')
    BEGIN
        INSERT INTO #failed (scan_id, error, is_new, is_gone)
        SELECT position, error, CASE error_number WHEN 50462 THEN 1 ELSE 0 END, 0 FROM #queue WHERE state = 'settled' AND error IS NOT NULL;
        SELECT @Others = COUNT(*), @Slices = @Slices + SUM(t.slices)
        FROM #todo AS t
        INNER JOIN #queue AS q ON q.position = t.scan_id
        WHERE q.state = 'settled';
        DELETE FROM #todo WHERE scan_id IN (SELECT position FROM #queue WHERE state = 'settled');
        SET @Done = @Done + @Others;
        SET @Message = CONCAT(@Done, N' of ', @Total, N' scans done, ', @Others, N' of them by other sessions meanwhile.');
        EXECUTE internal.ReportStep @RunId, @Message, @Done, @Total;
        -- Of what ended its sessions nobody has told.
        EXECUTE internal.ReportFailedScans @RunId;
    END;
END;
