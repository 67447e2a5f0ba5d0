-- ReportFailedScans: keeps each new row of #failed in dbo.scan_failures, and says which scan it is and what is wrong.
-- Called by GenerateFeatures, StoreWork, TakeScans and FailScans, whose table #failed it reads and marks.
CREATE OR ALTER PROCEDURE internal.ReportFailedScans
    @RunId INT -- row of dbo.runs
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Locked INT, @ScanId INT, @Message NVARCHAR(2000), @Scans NVARCHAR(MAX);
    SET @Scans = COALESCE((
        SELECT STRING_AGG(CAST(scan_id AS NVARCHAR(MAX)), N',') FROM #failed WHERE is_new = 1 AND is_gone = 0), N'');
    BEGIN TRANSACTION;
    -- First the worklist, as StorePredictions does, which then reads the failures.
    SET @Locked = (
        SELECT COUNT(*) FROM dbo.worklist WITH (UPDLOCK, HOLDLOCK) WHERE scan_id IN (SELECT scan_id FROM #failed WHERE is_new = 1));
    DELETE FROM dbo.scan_failures WHERE scan_id IN (SELECT scan_id FROM #failed WHERE is_new = 1);
    INSERT INTO dbo.scan_failures (scan_id, message)
    SELECT f.scan_id, f.error
    FROM #failed AS f
    INNER JOIN dbo.scans AS s WITH (UPDLOCK, HOLDLOCK) ON s.scan_id = f.scan_id
    WHERE f.is_new = 1 AND f.is_gone = 0;
    EXECUTE dbo.RefreshWorklist @Scans;
    COMMIT TRANSACTION;

    WHILE EXISTS (SELECT 1 FROM #failed WHERE is_new = 1)
    BEGIN
        SELECT TOP (1) @ScanId = f.scan_id, @Message = CONCAT(N'Scan ', f.scan_id, N' (patient index ' + CAST(p.idx AS NVARCHAR(12)) + N')',
            N' failed: ', LEFT(f.error, 1800))
        FROM #failed AS f
        LEFT JOIN dbo.scans AS s ON s.scan_id = f.scan_id
        LEFT JOIN dbo.patients AS p ON p.patient_id = s.patient_id
        WHERE f.is_new = 1
        ORDER BY f.scan_id;
        EXECUTE internal.ReportStep @RunId, @Message;
        UPDATE #failed SET is_new = 0 WHERE scan_id = @ScanId;
    END;
END;
