-- JudgeMarked: takes what readers marked in some scans as they are now, and says which of it is a nodule to be found. What is marked as
-- irrelevant, by fewer readers than asked for, or is smaller or a point, is neither a nodule nor a false alarm.
-- Called by ShowNoduleTruth and TakeMarked, for the scans in the table #scans, and fills the table #marked.
CREATE OR ALTER PROCEDURE internal.JudgeMarked
    @LeastReaders INT = 3,     -- readers of a nodule at least, where it is known how many marked it; as LUNA16 unless told otherwise
    @LeastDiameter FLOAT = 3   -- its diameter at least, in millimetres; as LUNA16 unless told otherwise
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    INSERT INTO #marked (nodule_id, scan_id, is_nodule, x, y, z, diameter)
    SELECT n.nodule_id, n.scan_id,
        IIF(n.is_relevant = 1 AND COALESCE(n.readers, 255) >= @LeastReaders AND n.diameter >= @LeastDiameter, 1, 0), n.x, n.y, n.z,
        n.diameter
    FROM dbo.nodules AS n
    INNER JOIN #scans AS s ON s.scan_id = n.scan_id AND s.content_sha256 = n.content_sha256
    WHERE n.source = 'truth';
END;
