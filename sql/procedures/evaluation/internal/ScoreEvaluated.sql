-- ScoreEvaluated: scores the scans in #evaluated with a model, all of them or none.
-- Called by EvaluateModel, whose table #evaluated it fills.
CREATE OR ALTER PROCEDURE internal.ScoreEvaluated
    @ClassifierId INT, -- the model
    @RunId INT = NULL           -- row of dbo.runs that ends with a refusal
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @ErrorNumber INT, @ErrorMessage NVARCHAR(2000), @Failed INT, @Prevalence FLOAT,
        @CpuSeconds FLOAT, @PeakMegabytes FLOAT;
    DECLARE @FeatureSetId INT, @Pooling NVARCHAR(32), @Classifier VARBINARY(MAX), @Sha256 VARCHAR(64), @Library NVARCHAR(32),
        @Details NVARCHAR(MAX);
    DECLARE @Language NVARCHAR(128);
    EXECUTE internal.ReadSettings @Language OUTPUT;
    CREATE TABLE #result (scan_id INT NULL, error NVARCHAR(2000) COLLATE DATABASE_DEFAULT NULL, raw FLOAT NULL, probability FLOAT NULL);
    CREATE TABLE #sent (place INT NOT NULL, part INT NOT NULL);
    CREATE TABLE #came (place INT NULL, part INT NULL);

    SELECT @FeatureSetId = c.feature_set_id, @Pooling = c.pooling, @Classifier = c.model, @Library = c.library,
        @Sha256 = CONVERT(VARCHAR(64), c.sha256, 2), @Details = c.details
    FROM dbo.classifiers AS c
    WHERE c.classifier_id = @ClassifierId;
    INSERT INTO #result (scan_id, error, raw, probability)
    EXECUTE sp_execute_external_script
        @language = @Language,
        @script = N'
def main(patients, model, sha256, library, details, prevalence):
    from lungdb.procedures import measured, predict_patients
    return measured(predict_patients, patients, model, sha256, library, details, prevalence)

OutputDataSet, ErrorNumber, ErrorMessage, CpuSeconds, PeakMegabytes = main(
    InputDataSet, Classifier, Sha256, Library, Details, Prevalence)
',
        @input_data_1 = N'
SELECT e.scan_id, f.vector
FROM #evaluated AS e
INNER JOIN dbo.pooled_features AS f ON f.scan_id = e.scan_id AND f.vector_sha256 = e.vector_sha256
WHERE f.feature_set_id = @FeatureSetId AND f.pooling = @Pooling
ORDER BY e.scan_id;',
        @params = N'@FeatureSetId INT, @Pooling NVARCHAR(32), @Classifier VARBINARY(MAX), @Sha256 VARCHAR(64), @Library NVARCHAR(32),
            @Details NVARCHAR(MAX), @Prevalence FLOAT, @ErrorNumber INT OUTPUT, @ErrorMessage NVARCHAR(2000) OUTPUT,
            @CpuSeconds FLOAT OUTPUT, @PeakMegabytes FLOAT OUTPUT',
        @FeatureSetId = @FeatureSetId, @Pooling = @Pooling, @Classifier = @Classifier, @Sha256 = @Sha256, @Library = @Library,
        @Details = @Details, @Prevalence = @Prevalence, @ErrorNumber = @ErrorNumber OUTPUT, @ErrorMessage = @ErrorMessage OUTPUT,
        @CpuSeconds = @CpuSeconds OUTPUT, @PeakMegabytes = @PeakMegabytes OUTPUT;
    IF @ErrorNumber <> 0
        EXECUTE internal.EndRun @RunId, 0, @ErrorMessage;
    IF @ErrorNumber <> 0
    BEGIN
        SET @Message = REPLACE(@ErrorMessage, N'%', N'%%');
        THROW @ErrorNumber, @Message, 1;
    END;

    SET @Failed = (
        SELECT COUNT(*)
        FROM #evaluated AS e
        WHERE e.scan_id NOT IN (SELECT scan_id FROM #result WHERE scan_id IS NOT NULL) AND NOT EXISTS (
            SELECT 1 FROM dbo.pooled_features AS f
            WHERE f.scan_id = e.scan_id AND f.feature_set_id = @FeatureSetId AND f.pooling = @Pooling
                AND f.vector_sha256 = e.vector_sha256));
    IF @Failed > 0
    BEGIN
        SET @Message = CONCAT(N'The features of ', @Failed,
            N' scans were replaced or removed before they were read. Nothing is stored. Evaluate again.');
        EXECUTE internal.EndRun @RunId, 0, @Message;
        THROW 50232, @Message, 1;
    END;
    INSERT INTO #sent (place, part)
    SELECT scan_id, 1 FROM #evaluated;
    INSERT INTO #came (place, part)
    SELECT scan_id, CASE WHEN COALESCE(error, N'') <> N'' OR (raw BETWEEN 0 AND 1 AND probability BETWEEN 0 AND 1) THEN 1 ELSE 0 END
    FROM #result;
    EXECUTE internal.CheckRows N'scan_ids', @RunId;
    SET @Failed = (SELECT COUNT(*) FROM #result WHERE COALESCE(error, N'') <> N'');
    IF @Failed > 0
    BEGIN
        SET @Message = REPLACE(LEFT(CONCAT(@Failed, N' scans cannot be scored, so nothing is stored. The first, scan_id ',
            (SELECT TOP (1) CONCAT(scan_id, N': ', error) FROM #result WHERE COALESCE(error, N'') <> N'' ORDER BY scan_id)), 1900),
            N'%', N'%%');
        EXECUTE internal.EndRun @RunId, 0, @Message;
        THROW 50110, @Message, 1;
    END;
    UPDATE e
    SET e.raw = r.raw, e.probability = r.probability
    FROM #evaluated AS e
    INNER JOIN #result AS r ON r.scan_id = e.scan_id;
    EXECUTE internal.ReportStep @RunId, N'Scored; measuring.', NULL, NULL, NULL, NULL, NULL, @CpuSeconds, @PeakMegabytes;
END;
