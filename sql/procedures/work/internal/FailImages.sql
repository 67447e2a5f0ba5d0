-- FailImages: says which pictures a worker gave back for the third time.
-- Called by ReleaseWork; fills the worker's table #failed.
CREATE OR ALTER PROCEDURE internal.FailImages
    @RunId INT,            -- row of dbo.runs
    @WorkId INT,           -- row of dbo.work
    @Worker NVARCHAR(128)  -- name of this session
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    INSERT INTO #failed (name, error, is_new)
    SELECT i.item, i.error, 1
    FROM dbo.work_items AS i
    WHERE i.work_id = @WorkId AND i.worker = @Worker AND i.state = 'failed' AND i.error_number = 50462
        AND i.item NOT IN (SELECT name FROM #failed);
    EXECUTE internal.ReportFailedImages @RunId;
END;
