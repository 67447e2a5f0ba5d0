-- StartScanJob: fills the tables of a worker with the scans of the work that it takes part in.
-- Called by StartJob; fills #todo and #queue of the worker.
CREATE OR ALTER PROCEDURE internal.StartScanJob
    @WorkId INT -- row of dbo.work
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    INSERT INTO #todo (scan_id, slices, bytes, is_kept, kept_bytes)
    SELECT CAST(i.item AS INT), COALESCE(s.number_images, 0), i.bytes, 0, 0
    FROM dbo.work_items AS i
    LEFT JOIN dbo.scans AS s ON s.scan_id = CAST(i.item AS INT)
    WHERE i.work_id = @WorkId AND i.state IN ('open', 'leased');
    EXECUTE internal.QueueScans @WorkId;
END;
