-- ReadSlices: the axial slices of a patient's primary scan, or of the scan asked for, lowest first, as they are stored.
-- Example: EXECUTE dbo.ReadSlices @PatientIndex = 0, @First = 0, @Last = 15;
CREATE OR ALTER PROCEDURE dbo.ReadSlices
    @PatientIndex INT = NULL, -- idx of the patient, 0 and up; needed without @ScanId
    @First INT = 0,           -- index of the first slice, 0 and up
    @Last INT = NULL,         -- index of the last slice; NULL, or one past the end, means the scan's last
    @WithPixels BIT = 1,      -- 0 leaves pixels NULL: positions and hashes alone
    @ScanId INT = NULL,       -- the scan, where it is not the patient's primary one
    @Help BIT = 0             -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.ReadSlices returns slice_index, position_z, pixels, pixels_sha256 and encoding of a patient''s primary scan,
or of the scan asked for. Slices run from feet to head. pixels are Hounsfield units, int16, row after row, as gzip:
DECOMPRESS(pixels) gives their bytes.
Where encoding is NULL they are little-endian, pixel after pixel; where it is shuffled, the low bytes of all pixels, then their high bytes.
pixels_sha256 is in hex, over the little-endian bytes in either case; position_z is in millimetres.
Parameters:
    @PatientIndex INT = NULL  idx of the patient, 0 and up; needed without @ScanId
    @First INT = 0            index of the first slice, 0 and up
    @Last INT = NULL          index of the last slice; NULL, or one past the end, means the scan''s last
    @WithPixels BIT = 1       0 leaves pixels NULL: positions and hashes alone
    @ScanId INT = NULL        the scan, where it is not the patient''s primary one
    @Help BIT = 0             1 prints this help and does nothing else
Example:
    EXECUTE dbo.ReadSlices @PatientIndex = 0, @First = 0, @Last = 15;';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000), @End INT;
    EXECUTE internal.FindScan @PatientIndex, @ScanId OUTPUT;
    EXECUTE internal.NeedPixels @ScanId;
    SET @End = (SELECT MAX(slice_index) FROM dbo.scan_images WHERE scan_id = @ScanId);
    IF @First IS NULL OR @First < 0 OR @First > COALESCE(@End, -1) OR @Last < @First
    BEGIN
        SET @Message = CONCAT(N'The scan ', @ScanId, N' has no slices ', COALESCE(CAST(@First AS NVARCHAR(12)), N'NULL'), N' to ',
            COALESCE(@Last, @End), N'. ', IIF(@End IS NULL, N'Load it again: it has none.',
            CONCAT(N'Its slices run from 0 to ', @End, N'.')));
        THROW 50210, @Message, 1;
    END;
    SELECT i.slice_index, i.position_z, CASE WHEN @WithPixels = 1 THEN i.pixels END AS pixels,
        CONVERT(VARCHAR(64), i.pixels_sha256, 2) AS pixels_sha256, i.encoding
    FROM dbo.scan_images AS i
    WHERE i.scan_id = @ScanId AND i.slice_index BETWEEN @First AND COALESCE(@Last, @End)
    ORDER BY i.slice_index;
END;
