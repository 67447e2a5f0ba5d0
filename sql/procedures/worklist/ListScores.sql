-- ListScores: the scores that a patient's primary scan has been given, newest first.
-- Example: EXECUTE dbo.ListScores @PatientIndex = 0, @Limit = 1;
CREATE OR ALTER PROCEDURE dbo.ListScores
    @PatientIndex INT = NULL, -- idx of the patient, 0 and up; needed
    @Limit INT = 50,          -- scores to return, 1 to 1000
    @Before INT = NULL,       -- prediction_id; only scores older than this one
    @Task NVARCHAR(32) = N'classification', -- classification: probabilities; regression: numbers that models predict
    @Help BIT = 0             -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.ListScores returns the scores that a patient''s primary scan has been given, newest first, one row a score. Of
classes scope says whether the scan is inside or outside what the model was trained on, NULL where that is not known, and scope_reason
in what, or why it is not known.
Parameters:
    @PatientIndex INT = NULL                idx of the patient, 0 and up; needed
    @Limit INT = 50                         scores to return, 1 to 1000
    @Before INT = NULL                      prediction_id; only scores older than this one
    @Task NVARCHAR(32) = N''classification''  classification: probabilities; regression: numbers that models predict
    @Help BIT = 0                           1 prints this help and does nothing else
Example:
    EXECUTE dbo.ListScores @PatientIndex = 0, @Limit = 1;';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000), @ScanId INT;
    IF @Limit IS NULL OR @Limit NOT BETWEEN 1 AND 1000
    BEGIN
        SET @Message = CONCAT(N'The value ', COALESCE(CAST(@Limit AS NVARCHAR(12)), N'NULL'),
            N' for the parameter @Limit is not supported. Supported values are 1 to 1000.');
        THROW 50101, @Message, 1;
    END;
    IF @Task IS NULL OR @Task NOT IN (N'classification', N'regression')
    BEGIN
        SET @Message = REPLACE(CONCAT(N'The value ', COALESCE(N'''' + @Task + N'''', N'NULL'),
            N' for the parameter @Task is not supported. Supported values are classification and regression.'), N'%', N'%%');
        THROW 50101, @Message, 1;
    END;
    EXECUTE internal.FindScan @PatientIndex, @ScanId OUTPUT;
    IF @Task = N'regression'
    BEGIN
        SELECT TOP (@Limit) r.prediction_id, r.predicted, c.name AS model_name, c.version AS model_version, r.predicted_at, r.predicted_by
        FROM dbo.predictions AS r
        INNER JOIN dbo.classifiers AS c ON c.classifier_id = r.classifier_id
        WHERE r.scan_id = @ScanId AND r.predicted IS NOT NULL AND (@Before IS NULL OR r.prediction_id < @Before)
        ORDER BY r.prediction_id DESC
        OPTION (RECOMPILE);
        RETURN 0;
    END;
    SELECT TOP (@Limit) r.prediction_id, 100 * r.probability AS probability_percent, 100 * r.raw_probability AS raw_percent, r.prevalence,
        c.name AS model_name, c.version AS model_version, r.predicted_at, r.predicted_by, r.scope, r.scope_reason
    FROM dbo.predictions AS r
    INNER JOIN dbo.classifiers AS c ON c.classifier_id = r.classifier_id
    WHERE r.scan_id = @ScanId AND r.probability IS NOT NULL AND (@Before IS NULL OR r.prediction_id < @Before)
    ORDER BY r.prediction_id DESC
    OPTION (RECOMPILE);
END;
