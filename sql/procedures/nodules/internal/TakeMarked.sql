-- TakeMarked: takes what readers marked in some scans, and says which of it is a nodule to be found. What is marked as irrelevant,
-- by fewer readers than asked for, or is smaller, is neither a nodule nor a false alarm. A scan that was replaced since is refused.
-- Called by EvaluateNodules, whose table #marked it fills, and whose table #scans it reads.
CREATE OR ALTER PROCEDURE internal.TakeMarked
    @LeastReaders INT,      -- readers of a nodule at least, where it is known how many marked it
    @LeastDiameter FLOAT    -- its diameter at least, in millimetres
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Replaced INT;
    SET @Replaced = (
        SELECT COUNT(DISTINCT s.scan_id)
        FROM #scans AS s
        INNER JOIN dbo.nodules AS n ON n.scan_id = s.scan_id AND n.source = 'truth' AND n.content_sha256 <> s.content_sha256);
    IF @Replaced > 0
    BEGIN
        SET @Message = CONCAT(@Replaced, N' scans of the data set were replaced since nodules were marked in them. ',
            N'Load the marks again with lungdb load-labels; lungdb check names them.');
        THROW 50274, @Message, 1;
    END;
    INSERT INTO #marked (scan_id, is_nodule, x, y, z, diameter)
    SELECT n.scan_id, IIF(n.is_relevant = 1 AND COALESCE(n.readers, 255) >= @LeastReaders AND n.diameter >= @LeastDiameter, 1, 0), n.x,
        n.y, n.z, n.diameter
    FROM dbo.nodules AS n
    INNER JOIN #scans AS s ON s.scan_id = n.scan_id
    WHERE n.source = 'truth';
    IF NOT EXISTS (SELECT 1 FROM #marked WHERE is_nodule = 1)
    BEGIN
        SET @Message = CONCAT(N'No nodule of ', @LeastDiameter, N' mm and more that ', @LeastReaders,
            N' readers marked is stored for the scans of the data set, so that nothing is to be found. Load marks with ',
            N'lungdb load-labels, or lower @LeastDiameter or @LeastReaders.');
        THROW 50289, @Message, 1;
    END;
END;
