-- ReportFailedScans: keeps each new row of #failed in dbo.scan_failures, and says in a message which scan it is and what is wrong.
-- Called by GenerateFeatures, whose table #failed it reads and marks.
CREATE OR ALTER PROCEDURE internal.ReportFailedScans
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Locked INT, @ScanId INT, @PatientIndex INT, @Error NVARCHAR(2000), @Scans NVARCHAR(MAX);
    SET @Scans = COALESCE((SELECT STRING_AGG(CAST(scan_id AS NVARCHAR(MAX)), N',') FROM #failed WHERE is_new = 1), N'');
    BEGIN TRANSACTION;
    -- First the worklist, as StorePredictions does, which then reads the failures.
    SET @Locked = (
        SELECT COUNT(*) FROM dbo.worklist WITH (UPDLOCK, HOLDLOCK) WHERE scan_id IN (SELECT scan_id FROM #failed WHERE is_new = 1));
    DELETE FROM dbo.scan_failures WHERE scan_id IN (SELECT scan_id FROM #failed WHERE is_new = 1);
    INSERT INTO dbo.scan_failures (scan_id, message)
    SELECT scan_id, error FROM #failed WHERE is_new = 1;
    EXECUTE dbo.RefreshWorklist @Scans;
    COMMIT TRANSACTION;

    WHILE EXISTS (SELECT 1 FROM #failed WHERE is_new = 1)
    BEGIN
        SELECT TOP (1) @ScanId = f.scan_id, @PatientIndex = p.idx, @Error = LEFT(f.error, 1800)
        FROM #failed AS f
        INNER JOIN dbo.scans AS s ON s.scan_id = f.scan_id
        INNER JOIN dbo.patients AS p ON p.patient_id = s.patient_id
        WHERE f.is_new = 1
        ORDER BY f.scan_id;
        RAISERROR(N'Scan %d (patient index %d) failed: %s', 0, 1, @ScanId, @PatientIndex, @Error) WITH NOWAIT;
        UPDATE #failed SET is_new = 0 WHERE scan_id = @ScanId;
    END;
END;
