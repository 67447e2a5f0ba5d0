-- TakeImages: fills #chunk with the pictures of #todo that are worked on next, numbered, and their hashes as they are now.
-- Called by FeaturizeImages, whose tables #layers, #todo and #chunk it reads and fills.
CREATE OR ALTER PROCEDURE internal.TakeImages
    @NetworkId INT,       -- the network
    @ChunkMegabytes INT   -- megabytes that go to the script and come back, unless a single picture has more
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    -- What a small picture costs is its features: a single-precision number is eight hexadecimal digits. Their number is known once
    -- the first are stored, and taken for large until then.
    DECLARE @Features BIGINT = (
        SELECT SUM(CAST(COALESCE(s.width, 65536) AS BIGINT))
        FROM #layers AS l
        LEFT JOIN dbo.feature_sets AS s ON s.network_id = @NetworkId AND s.layer = l.name AND s.preprocessing = N'image');
    DELETE FROM #chunk;
    INSERT INTO #chunk (place, name, bytes, sha256)
    SELECT t.position, t.name, t.bytes, COALESCE(i.sha256, 0x)
    FROM (
        SELECT name, bytes, SUM(bytes + 8 * @Features) OVER (ORDER BY name ROWS UNBOUNDED PRECEDING) AS bytes_so_far,
            ROW_NUMBER() OVER (ORDER BY name) AS position
        FROM #todo) AS t
    LEFT JOIN dbo.images AS i ON i.name = t.name
    WHERE t.position = 1 OR t.bytes_so_far <= CAST(@ChunkMegabytes AS BIGINT) * 1000000;
END;
