-- FailScans: keeps the scans that a worker gave back for the third time among the failures.
-- Called by ReleaseWork; fills the worker's table #failed.
CREATE OR ALTER PROCEDURE internal.FailScans
    @RunId INT,            -- row of dbo.runs
    @WorkId INT,           -- row of dbo.work
    @Worker NVARCHAR(128)  -- name of this session
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    INSERT INTO #failed (scan_id, error, is_new, is_gone)
    SELECT CAST(i.item AS INT), i.error, 1, 0
    FROM dbo.work_items AS i
    WHERE i.work_id = @WorkId AND i.worker = @Worker AND i.state = 'failed' AND i.error_number = 50462
        AND CAST(i.item AS INT) NOT IN (SELECT scan_id FROM #failed);
    EXECUTE internal.ReportFailedScans @RunId;
END;
