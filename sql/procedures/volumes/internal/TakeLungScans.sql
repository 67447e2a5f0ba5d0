-- TakeLungScans: fills #chunk with the scans of #todo that are worked on next, and takes them out of it.
-- Called by FindLungs, whose tables #todo and #chunk it changes.
CREATE OR ALTER PROCEDURE internal.TakeLungScans
    @ChunkMegabytes INT -- megabytes of stored slices, unless a single scan has more
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DELETE FROM #chunk;
    -- Hexadecimal takes two characters a byte, and above 1 GB a column is more than a script takes: such a scan goes without its slices.
    INSERT INTO #chunk (scan_id, slices, content_sha256)
    SELECT t.scan_id, CASE WHEN t.bytes > 536870912 THEN -1
            ELSE (SELECT COUNT(*) FROM dbo.scan_images AS i WHERE i.scan_id = t.scan_id) END,
        COALESCE(s.content_sha256, 0x)
    FROM (
        SELECT scan_id, bytes, SUM(bytes) OVER (ORDER BY scan_id ROWS UNBOUNDED PRECEDING) AS so_far,
            ROW_NUMBER() OVER (ORDER BY scan_id) AS position
        FROM #todo) AS t
    LEFT JOIN dbo.scans AS s ON s.scan_id = t.scan_id
    WHERE t.position = 1 OR t.so_far <= CAST(@ChunkMegabytes AS BIGINT) * 1000000;
    DELETE FROM #todo WHERE scan_id IN (SELECT scan_id FROM #chunk);
END;
