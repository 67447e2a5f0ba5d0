-- ListReviews: what readers have found in scans, of one patient or of all, the newest first. Notes are free text about patients.
-- Example: EXECUTE dbo.ListReviews @PatientIndex = 0;
CREATE OR ALTER PROCEDURE dbo.ListReviews
    @PatientIndex INT = NULL,       -- idx of the patient, 0 and up; NULL means all
    @Newest BIT = 0,                -- 1 returns only the newest of each reader and scan, as a reader study takes it
    @Before INT = NULL,             -- only reviews with a smaller review_id, for the next page
    @Limit INT = 1000,              -- reviews to return, 1 to 10000
    @Help BIT = 0                   -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.ListReviews returns one row a review, the newest first: who read what, the suspicion of cancer from 1, definitely none,
to 5, definitely, the note, and the score that stood beside it, of which model and version, where that is still there.
is_current is 1 where the scan that was read is still the patient''s primary one. Times are in UTC.
Parameters:
    @PatientIndex INT = NULL  idx of the patient, 0 and up; NULL means all
    @Newest BIT = 0           1 returns only the newest of each reader and scan, as a reader study takes it
    @Before INT = NULL        only reviews with a smaller review_id, for the next page
    @Limit INT = 1000         reviews to return, 1 to 10000
    @Help BIT = 0             1 prints this help and does nothing else
Example:
    EXECUTE dbo.ListReviews @PatientIndex = 0;';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000);
    IF @Limit IS NULL OR @Limit NOT BETWEEN 1 AND 10000
        SET @Message = CONCAT(N'The value ', COALESCE(CAST(@Limit AS NVARCHAR(12)), N'NULL'),
            N' for the parameter @Limit is not supported. Supported values are 1 to 10000.');
    ELSE IF @Newest IS NULL
        SET @Message = N'The value NULL for the parameter @Newest is not supported. Supported values are 0 and 1.';
    IF @Message IS NOT NULL
        THROW 50101, @Message, 1;

    SELECT TOP (@Limit) v.review_id, p.idx AS patient_index, v.patient_id, v.account, CAST(v.suspicion AS INT) AS suspicion, v.note,
        v.prediction_id, 100 * r.probability AS probability_percent, c.name AS model_name, c.version AS model_version, v.reviewed_at,
        CONVERT(VARCHAR(64), v.content_sha256, 2) AS content_sha256, CAST(IIF(EXISTS (
            SELECT 1 FROM dbo.scans AS s
            WHERE s.patient_id = v.patient_id AND s.content_sha256 = v.content_sha256 AND s.is_primary = 1), 1, 0) AS BIT) AS is_current
    FROM dbo.reviews AS v
    INNER JOIN dbo.patients AS p ON p.patient_id = v.patient_id
    LEFT JOIN dbo.predictions AS r ON r.prediction_id = v.prediction_id
    LEFT JOIN dbo.classifiers AS c ON c.classifier_id = r.classifier_id
    WHERE (@PatientIndex IS NULL OR p.idx = @PatientIndex) AND (@Before IS NULL OR v.review_id < @Before)
        AND (@Newest = 0 OR NOT EXISTS (
            SELECT 1 FROM dbo.reviews AS n
            WHERE n.patient_id = v.patient_id AND n.content_sha256 = v.content_sha256 AND n.account = v.account
                AND n.review_id > v.review_id))
    ORDER BY v.review_id DESC
    OPTION (RECOMPILE);
END;
