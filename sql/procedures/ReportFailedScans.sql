-- ReportFailedScans: one message for each new row of #failed, which names the scan and says what is wrong.
-- Called by GenerateFeatures, whose table #failed it reads and marks.
CREATE OR ALTER PROCEDURE dbo.ReportFailedScans
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @ScanId INT, @PatientIndex INT, @Error NVARCHAR(2000);
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
