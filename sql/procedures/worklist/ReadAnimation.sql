-- ReadAnimation: the moving picture kept of a patient's primary scan; no row when there is none of the scan as it is now.
-- Example: EXECUTE dbo.ReadAnimation @PatientIndex = 0, @Format = N'gif';
CREATE OR ALTER PROCEDURE dbo.ReadAnimation
    @PatientIndex INT = NULL,          -- idx of the patient, 0 and up; needed
    @Format NVARCHAR(8) = N'webp',     -- gif or webp
    @Help BIT = 0                      -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.ReadAnimation returns format, animation, sha256 and content_sha256 (both in hex) of a patient''s primary scan,
or no row: none was made yet, or the scan was replaced since. The web page makes it when first asked for.
Parameters:
    @PatientIndex INT = NULL       idx of the patient, 0 and up; needed
    @Format NVARCHAR(8) = N''webp''  gif or webp
    @Help BIT = 0                  1 prints this help and does nothing else
Example:
    EXECUTE dbo.ReadAnimation @PatientIndex = 0, @Format = N''gif'';';
        RETURN 0;
    END;

    DECLARE @ScanId INT;
    EXECUTE internal.FindScan @PatientIndex, @ScanId OUTPUT;
    SELECT a.format, a.animation, CONVERT(VARCHAR(64), a.sha256, 2) AS sha256, CONVERT(VARCHAR(64), a.content_sha256, 2) AS content_sha256
    FROM dbo.animations AS a
    INNER JOIN dbo.scans AS s ON s.scan_id = a.scan_id AND s.content_sha256 = a.content_sha256
    WHERE a.scan_id = @ScanId AND a.format = @Format;
END;
