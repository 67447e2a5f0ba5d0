-- TakeScans: fills #chunk with the scans of #todo that are worked on next, and their contents as they are now; first those whose
-- prepared pictures are kept, and not together with others, so that the cost of both can be told.
-- Called by GenerateFeatures, whose tables #todo and #chunk it reads and fills.
CREATE OR ALTER PROCEDURE internal.TakeScans
    @ChunkMegabytes INT,      -- megabytes of stored slices, unless a single scan has more
    @Bound BIGINT,            -- bytes of prepared pictures to keep at most
    @KeepBytes BIGINT OUTPUT, -- bytes of them that the script is to give back
    @Called DATETIME2(3) OUTPUT -- when this is done and the script is called
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @IsKept BIT = (SELECT CAST(MAX(CAST(is_kept AS INT)) AS BIT) FROM #todo);
    DELETE FROM #chunk;
    -- Hexadecimal takes two characters a byte, and above 2 GB of them a runtime gives wrong data: such a scan goes without its slices.
    INSERT INTO #chunk (scan_id, slices, is_kept, content_sha256)
    SELECT t.scan_id,
        CASE WHEN t.bytes > 536870912 THEN -1
            ELSE (SELECT COUNT(*) FROM dbo.scan_images AS i WHERE i.scan_id = t.scan_id) END,
        @IsKept, COALESCE(s.content_sha256, 0x)
    FROM (
        SELECT scan_id, bytes, SUM(CASE WHEN kept_bytes > bytes THEN kept_bytes ELSE bytes END)
                OVER (ORDER BY scan_id ROWS UNBOUNDED PRECEDING) AS bytes_so_far,
            ROW_NUMBER() OVER (ORDER BY scan_id) AS position
        FROM #todo
        WHERE is_kept = @IsKept) AS t
    LEFT JOIN dbo.scans AS s ON s.scan_id = t.scan_id
    WHERE t.position = 1 OR t.bytes_so_far <= CAST(@ChunkMegabytes AS BIGINT) * 1000000;
    SET @KeepBytes = COALESCE((
        SELECT SUM(t.kept_bytes) FROM #todo AS t INNER JOIN #chunk AS c ON c.scan_id = t.scan_id WHERE t.is_kept = 0), 0);
    -- In hexadecimal twice as much comes back, and above 1 GB nothing does.
    SET @KeepBytes = (SELECT MIN(v.bytes) FROM (VALUES (@KeepBytes), (CAST(400000000 AS BIGINT)), (@Bound)) AS v (bytes));
    SET @Called = SYSUTCDATETIME();
END;
