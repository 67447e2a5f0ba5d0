-- QueueScans: puts the scans of #todo into the queue, those first whose prepared pictures are kept.
-- Called by StartFeatures, QueueFeatures and StartScanJob; reads #todo and fills #queue of whoever works.
CREATE OR ALTER PROCEDURE internal.QueueScans
    @WorkId INT -- row of dbo.work
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    INSERT INTO #queue (item, position, grp, bytes, state, attempts)
    SELECT CAST(scan_id AS NVARCHAR(128)), scan_id, 1 - is_kept, CASE WHEN kept_bytes > bytes THEN kept_bytes ELSE bytes END, 'waits', 0
    FROM #todo;
    EXECUTE internal.FillWork @WorkId;
END;
