-- ListInstances: the slices of a scan with their UIDs and without their pixels, lowest first.
-- Example: EXECUTE dbo.ListInstances @ScanId = 1;
CREATE OR ALTER PROCEDURE dbo.ListInstances
    @ScanId INT = NULL, -- the scan; needed
    @Help BIT = 0       -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.ListInstances returns slice_index, instance_uid, position_z (mm) and pixels_sha256 (hex) of each slice of a scan.
Slices that come from one file of many frames have its instance_uid in common. Of a scan without slices here there is no row.
Parameters:
    @ScanId INT = NULL  the scan; needed
    @Help BIT = 0       1 prints this help and does nothing else
Example:
    EXECUTE dbo.ListInstances @ScanId = 1;';
        RETURN 0;
    END;

    IF @ScanId IS NULL
        THROW 50101, N'The parameter @ScanId is NULL. Give the scan_id of a scan in dbo.scans.', 1;
    EXECUTE internal.FindScan NULL, @ScanId;
    SELECT i.slice_index, i.instance_uid, i.position_z, CONVERT(VARCHAR(64), i.pixels_sha256, 2) AS pixels_sha256
    FROM dbo.scan_images AS i
    WHERE i.scan_id = @ScanId
    ORDER BY i.slice_index;
END;
