-- StoreAnimation: keeps the moving picture of a patient's primary scan in place of the one before. The web page calls it.
-- Example: EXECUTE dbo.StoreAnimation @PatientIndex = 0, @Format = N'gif', @Animation = ?, @Sha256 = ?, @ContentSha256 = ?;
CREATE OR ALTER PROCEDURE dbo.StoreAnimation
    @PatientIndex INT = NULL,           -- idx of the patient, 0 and up; needed
    @Format NVARCHAR(8) = NULL,         -- gif or webp; needed
    @Animation VARBINARY(MAX) = NULL,   -- the file; needed
    @Sha256 VARCHAR(64) = NULL,         -- its SHA-256 in hex; needed
    @ContentSha256 VARCHAR(64) = NULL,  -- content_sha256, in hex, of the scan that it was made of; needed
    @Orientation NVARCHAR(2) = N'LP',   -- patient_orientation that the scan was drawn by; LP where none is recorded
    @Help BIT = 0                       -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.StoreAnimation keeps the moving picture of a patient''s primary scan in dbo.animations, one of a format.
Parameters:
    @PatientIndex INT = NULL           idx of the patient, 0 and up; needed
    @Format NVARCHAR(8) = NULL         gif or webp; needed
    @Animation VARBINARY(MAX) = NULL   the file; needed
    @Sha256 VARCHAR(64) = NULL         its SHA-256 in hex; needed
    @ContentSha256 VARCHAR(64) = NULL  content_sha256, in hex, of the scan that it was made of; needed
    @Orientation NVARCHAR(2) = N''LP''   patient_orientation that the scan was drawn by; LP where none is recorded
    @Help BIT = 0                      1 prints this help and does nothing else
Example:
    EXECUTE dbo.StoreAnimation @PatientIndex = 0, @Format = N''gif'', @Animation = ?, @Sha256 = ?, @ContentSha256 = ?;';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000), @ScanId INT, @Content VARBINARY(32) = CONVERT(VARBINARY(32), @ContentSha256, 2);
    EXECUTE internal.FindScan @PatientIndex, @ScanId OUTPUT;
    IF @Format IS NULL OR @Format NOT IN (N'gif', N'webp')
    BEGIN
        SET @Message = CONCAT(N'The value ', COALESCE(N'''' + REPLACE(@Format, N'%', N'%%') + N'''', N'NULL'),
            N' for the parameter @Format is not supported. Supported values are gif and webp.');
        THROW 50101, @Message, 1;
    END;
    IF @Animation IS NULL OR @Sha256 IS NULL OR HASHBYTES('SHA2_256', @Animation) <> CONVERT(VARBINARY(32), @Sha256, 2)
    BEGIN
        SET @Message = N'The bytes of @Animation and @Sha256 do not match. Send the file again.';
        THROW 50105, @Message, 1;
    END;

    BEGIN TRANSACTION;
    IF NOT EXISTS (
        SELECT 1 FROM dbo.scans WITH (UPDLOCK, HOLDLOCK)
        WHERE scan_id = @ScanId AND content_sha256 = @Content AND COALESCE(patient_orientation, N'LP') = @Orientation)
    BEGIN
        SET @Message = CONCAT(N'The scan of patient ', @PatientIndex, N' is not the one that the animation was made of. Make it again.');
        THROW 50211, @Message, 1;
    END;
    UPDATE dbo.animations
    SET animation = @Animation, sha256 = CONVERT(VARBINARY(32), @Sha256, 2), content_sha256 = @Content, made_at = SYSUTCDATETIME()
    WHERE scan_id = @ScanId AND format = @Format;
    IF @@ROWCOUNT = 0
        INSERT INTO dbo.animations (scan_id, format, animation, sha256, content_sha256)
        VALUES (@ScanId, @Format, @Animation, CONVERT(VARBINARY(32), @Sha256, 2), @Content);
    COMMIT TRANSACTION;
END;
