-- TakeInspected: fills #inspected with the scans of one data set or of all, and of another one that it is held against; members that were
-- replaced or removed become a finding.
-- Called by InspectDataset, whose tables #inspected and #findings it fills.
CREATE OR ALTER PROCEDURE internal.TakeInspected
    @DatasetVersionId INT,  -- a version of a data set, or NULL for all scans
    @AgainstVersionId INT   -- a version of another, or NULL
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    INSERT INTO #inspected (scan_id, patient_id, is_primary, content_sha256, in_set, in_other, part, is_labelled)
    SELECT s.scan_id, s.patient_id, s.is_primary, s.content_sha256,
        IIF(@DatasetVersionId IS NULL OR a.scan_id IS NOT NULL, 1, 0), IIF(b.scan_id IS NOT NULL, 1, 0), -1, 0
    FROM dbo.scans AS s
    LEFT JOIN dbo.dataset_members AS a
        ON a.dataset_version_id = @DatasetVersionId AND a.scan_id = s.scan_id AND a.content_sha256 = s.content_sha256
    LEFT JOIN dbo.dataset_members AS b
        ON b.dataset_version_id = @AgainstVersionId AND b.scan_id = s.scan_id AND b.content_sha256 = s.content_sha256
    WHERE @DatasetVersionId IS NULL OR a.scan_id IS NOT NULL OR b.scan_id IS NOT NULL
    ORDER BY s.patient_id, s.scan_id;
    UPDATE i
    SET i.patient = n.patient, i.stands = IIF(i.place = n.stands, 1, 0)
    FROM #inspected AS i
    INNER JOIN (
        SELECT patient_id, MIN(place) AS patient, COALESCE(MIN(CASE is_primary WHEN 1 THEN place END), MIN(place)) AS stands
        FROM #inspected
        GROUP BY patient_id) AS n ON n.patient_id = i.patient_id;
    INSERT INTO #findings (finding, severity, value)
    SELECT N'changed members', 1, COUNT(*)
    FROM dbo.dataset_members AS m
    WHERE m.dataset_version_id IN (@DatasetVersionId, @AgainstVersionId)
        AND NOT EXISTS (SELECT 1 FROM dbo.scans AS s WHERE s.scan_id = m.scan_id AND s.content_sha256 = m.content_sha256)
    HAVING COUNT(*) > 0;
    IF NOT EXISTS (SELECT 1 FROM #inspected)
        INSERT INTO #findings (finding, severity) VALUES (N'no scans', 0);
END;
