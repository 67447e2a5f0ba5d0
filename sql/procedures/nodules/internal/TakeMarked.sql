-- TakeMarked: takes what readers marked in some scans, as JudgeMarked does. A scan that was replaced since is refused, and so is nothing
-- to be found.
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
    EXECUTE internal.JudgeMarked @LeastReaders, @LeastDiameter;
    IF NOT EXISTS (SELECT 1 FROM #marked WHERE is_nodule = 1)
    BEGIN
        SET @Message = CONCAT(N'No nodule of ', @LeastDiameter, N' mm and more that ', @LeastReaders,
            N' readers marked is stored for the scans of the data set, so that nothing is to be found. Load marks with ',
            N'lungdb load-labels, or lower @LeastDiameter or @LeastReaders.');
        THROW 50289, @Message, 1;
    END;
END;
