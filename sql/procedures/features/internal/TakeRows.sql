-- TakeRows: fills #chunk with the features of the scans of #todo that are pooled next.
-- Called by PoolFeatures, whose tables #todo, #chunk and #failed these are.
CREATE OR ALTER PROCEDURE internal.TakeRows
    @FeatureSetId INT,     -- the features
    @ChunkMegabytes INT    -- megabytes of them, unless a single scan has more
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Bytes BIGINT = CAST(@ChunkMegabytes AS BIGINT) * 1000000;
    DELETE FROM #chunk;
    -- Hexadecimal takes two characters a byte, and above 2 GB of them a runtime gives wrong data.
    INSERT INTO #chunk (scan_id, array_rows, array_cols, array, sha256)
    SELECT t.scan_id, COALESCE(f.array_rows, 0), COALESCE(f.array_cols, 0), IIF(t.bytes > 536870912, 0x, COALESCE(f.array, 0x)),
        COALESCE(f.sha256, 0x)
    FROM (
        SELECT scan_id, bytes, SUM(bytes) OVER (ORDER BY scan_id ROWS UNBOUNDED PRECEDING) - bytes AS before FROM #todo) AS t
    LEFT JOIN dbo.features AS f ON f.scan_id = t.scan_id AND f.feature_set_id = @FeatureSetId
    WHERE t.before = 0 OR t.before + t.bytes <= @Bytes;
END;
