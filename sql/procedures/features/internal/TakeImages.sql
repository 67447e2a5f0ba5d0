-- TakeImages: fills #chunk with the pictures of #todo that are worked on next, numbered, and their hashes as they are now. What other
-- sessions have settled meanwhile leaves #todo and counts as done; what they hold is waited for, with #chunk empty.
-- Called by FeaturizeImages and TakeWork, whose tables #layers, #todo, #queue, #failed and #chunk it reads and changes.
CREATE OR ALTER PROCEDURE internal.TakeImages
    @RunId INT,             -- row of dbo.runs
    @WorkId INT,            -- row of dbo.work
    @Worker NVARCHAR(128),  -- name of this session
    @NetworkId INT,         -- the network
    @ChunkMegabytes INT,    -- megabytes that go to the script and come back, unless a single picture has more
    @Total INT,             -- pictures that were to do
    @Done INT OUTPUT        -- those that are done by now
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Others INT, @Bytes BIGINT = CAST(@ChunkMegabytes AS BIGINT) * 1000000;
    -- What a small picture costs is its features: a single-precision number is eight hexadecimal digits. Their number is known once
    -- the first are stored, and taken for large until then.
    DECLARE @Features BIGINT = (
        SELECT SUM(CAST(COALESCE(s.width, 65536) AS BIGINT))
        FROM #layers AS l
        LEFT JOIN dbo.feature_sets AS s ON s.network_id = @NetworkId AND s.layer = l.name AND s.preprocessing = N'image');
    UPDATE q
    SET q.bytes = t.bytes + 8 * @Features
    FROM #queue AS q
    INNER JOIN #todo AS t ON t.name = q.item;
    EXECUTE internal.ClaimItems @WorkId, @Worker, @Bytes, 2147483647, @RunId;
    DELETE FROM #chunk;
    INSERT INTO #chunk (place, name, bytes, sha256)
    SELECT ROW_NUMBER() OVER (ORDER BY t.name), t.name, t.bytes, COALESCE(i.sha256, 0x)
    FROM #queue AS q
    INNER JOIN #todo AS t ON t.name = q.item
    LEFT JOIN dbo.images AS i ON i.name = t.name
    WHERE q.state = 'held';

    IF EXISTS (SELECT 1 FROM #queue WHERE state = 'settled')
    BEGIN
        INSERT INTO #failed (name, error, is_new)
        SELECT item, error, CASE error_number WHEN 50462 THEN 1 ELSE 0 END FROM #queue WHERE state = 'settled' AND error IS NOT NULL;
        SET @Others = (SELECT COUNT(*) FROM #queue WHERE state = 'settled');
        DELETE FROM #todo WHERE name IN (SELECT item FROM #queue WHERE state = 'settled');
        SET @Done = @Done + @Others;
        SET @Message = CONCAT(@Done, N' of ', @Total, N' pictures done, ', @Others, N' of them by other sessions meanwhile.');
        EXECUTE internal.ReportStep @RunId, @Message, @Done, @Total;
        -- Of what ended its sessions nobody has told.
        EXECUTE internal.ReportFailedImages @RunId;
    END;
END;
