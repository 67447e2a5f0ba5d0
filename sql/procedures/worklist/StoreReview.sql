-- StoreReview: keeps what the session's user has found in a patient's primary scan, beside whatever was said of it before.
-- Example: EXECUTE dbo.StoreReview @PatientIndex = 0, @Suspicion = 4, @Note = N'part-solid nodule, left upper lobe';
CREATE OR ALTER PROCEDURE dbo.StoreReview
    @PatientIndex INT = NULL,            -- idx of the patient, 0 and up; needed
    @Suspicion INT = NULL,               -- of cancer: 1 definitely none, 2 probably none, 3 cannot tell, 4 probably, 5 definitely; needed
    @Note NVARCHAR(MAX) = NULL,          -- free text, at most 2000 characters
    @PredictionId INT = NULL,            -- score of the scan that stood beside it, or NULL
    @ContentSha256 VARBINARY(32) = NULL, -- of the scan that was read, so that another in its place is refused; NULL takes any
    @Help BIT = 0                        -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.StoreReview keeps what a reader has found in a patient''s primary scan as a row of dbo.reviews, and returns its number.
The reader is the user that the session names (SESSION_CONTEXT), such as the page''s account, else the login. Nothing that was said before
is changed; of a reader the newest review counts.
Parameters:
    @PatientIndex INT = NULL             idx of the patient, 0 and up; needed
    @Suspicion INT = NULL                of cancer: 1 definitely none, 2 probably none, 3 cannot tell, 4 probably, 5 definitely; needed
    @Note NVARCHAR(MAX) = NULL           free text, at most 2000 characters
    @PredictionId INT = NULL             score of the scan that stood beside it, or NULL
    @ContentSha256 VARBINARY(32) = NULL  of the scan that was read, so that another in its place is refused; NULL takes any
    @Help BIT = 0                        1 prints this help and does nothing else
Example:
    EXECUTE dbo.StoreReview @PatientIndex = 0, @Suspicion = 4, @Note = N''part-solid nodule, left upper lobe'';';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000), @ScanId INT, @ReviewId INT, @Locked INT, @Changed NVARCHAR(20);
    EXECUTE internal.FindScan @PatientIndex, @ScanId OUTPUT;
    IF @Suspicion IS NULL OR @Suspicion NOT BETWEEN 1 AND 5
    BEGIN
        SET @Message = CONCAT(N'The value ', COALESCE(CAST(@Suspicion AS NVARCHAR(12)), N'NULL'),
            N' for the parameter @Suspicion is not supported. Supported values are 1 to 5.');
        THROW 50101, @Message, 1;
    END;
    IF DATALENGTH(@Note) > 4000
    BEGIN
        SET @Message = CONCAT(N'The text of the parameter @Note has ', DATALENGTH(@Note) / 2,
            N' characters, and at most 2000 are supported. Shorten it.');
        THROW 50101, @Message, 1;
    END;
    IF @PredictionId IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM dbo.predictions WHERE prediction_id = @PredictionId AND scan_id = @ScanId)
    BEGIN
        SET @Message = CONCAT(N'There is no prediction of the number ', @PredictionId,
            N' of this scan. Look at the patient again, or leave @PredictionId out.');
        THROW 50145, @Message, 1;
    END;

    SET @Changed = CAST(@ScanId AS NVARCHAR(20));
    BEGIN TRANSACTION;
    -- First the worklist, then the rest, as all do who change it.
    SET @Locked = (SELECT COUNT(*) FROM dbo.worklist WITH (UPDLOCK, HOLDLOCK) WHERE scan_id = @ScanId);
    INSERT INTO dbo.reviews (patient_id, content_sha256, suspicion, note, prediction_id)
    SELECT patient_id, content_sha256, @Suspicion, NULLIF(@Note, N''), @PredictionId
    FROM dbo.scans WITH (UPDLOCK, HOLDLOCK)
    WHERE scan_id = @ScanId AND is_primary = 1 AND content_sha256 = COALESCE(@ContentSha256, content_sha256);
    IF @@ROWCOUNT = 0
        THROW 50232, N'The scan was replaced meanwhile, so that the review was not stored. Look at the new one.', 1;
    SET @ReviewId = SCOPE_IDENTITY();
    EXECUTE dbo.RefreshWorklist @Changed;
    COMMIT TRANSACTION;
    SELECT @ReviewId AS review_id;
END;
