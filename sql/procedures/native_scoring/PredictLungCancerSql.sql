-- PredictLungCancerSql: the probability of cancer that a trained model gives a patient's primary scan, in percent, with T-SQL alone.
-- Example: DECLARE @Result FLOAT; EXECUTE dbo.PredictLungCancerSql @PatientIndex = 0, @PredictionResult = @Result OUTPUT;
CREATE OR ALTER PROCEDURE dbo.PredictLungCancerSql
    @PatientIndex INT = NULL,                   -- idx of the patient, 0 and up; needed unless a scan is given
    @ModelName NVARCHAR(128) = N'lightgbm_sql', -- name of a model in dbo.classifiers
    @PredictionResult FLOAT = NULL OUTPUT,      -- the probability in percent, 0 to 100; of a regression the number predicted
    @Version INT = NULL,                        -- version of the model; NULL means the one served, see dbo.model_status
    @Prevalence FLOAT = NULL,                   -- share of positives where the patient comes from; NULL means the setting prevalence
    @ScanId INT = NULL,                         -- scan_id of a scan to score in place of the primary one; NULL means that
    @Task NVARCHAR(32) = NULL,                  -- classification or regression refuses a model of the other task; NULL takes any
    @Help BIT = 0                               -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.PredictLungCancerSql does what dbo.PredictLungCancer does on a server that runs no external scripts.
It gives the probability of cancer in percent as an OUTPUT parameter and as a result set of one row, prediction_percent,
or of a model of the task regression the number that it predicts, the row then being predicted,
and keeps it as a row of dbo.predictions. EXECUTE dbo.PredictPatientsSql @Help = 1; tells which models it can score.
Parameters:
    @PatientIndex INT = NULL                    idx of the patient, 0 and up; needed unless a scan is given
    @ModelName NVARCHAR(128) = N''lightgbm_sql''  name of a model in dbo.classifiers
    @PredictionResult FLOAT = NULL OUTPUT       the probability in percent, 0 to 100; of a regression the number predicted
    @Version INT = NULL                         version of the model; NULL means the one served, see dbo.model_status
    @Prevalence FLOAT = NULL                    share of positives where the patient comes from; NULL means the setting prevalence
    @ScanId INT = NULL                          scan_id of a scan to score in place of the primary one; NULL means that
    @Task NVARCHAR(32) = NULL                   classification or regression refuses a model of the other task; NULL takes any
    @Help BIT = 0                               1 prints this help and does nothing else
Example:
    DECLARE @Result FLOAT;
    EXECUTE dbo.PredictLungCancerSql @PatientIndex = 0, @PredictionResult = @Result OUTPUT;';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000);
    DECLARE @ClassifierId INT, @FeatureSetId INT, @Pooling NVARCHAR(32);
    CREATE TABLE #wanted (scan_id INT NOT NULL PRIMARY KEY, idx INT NOT NULL, vector_sha256 VARBINARY(32) NOT NULL);
    CREATE TABLE #scores (scan_id INT NOT NULL PRIMARY KEY, raw FLOAT NOT NULL, probability FLOAT NULL);
    SET @PredictionResult = NULL;

    EXECUTE internal.FindScan @PatientIndex, @ScanId OUTPUT;
    EXECUTE internal.FindScoring @ModelName, @Version, @ClassifierId OUTPUT;
    EXECUTE internal.CheckScoreTask @ClassifierId, @Task;
    EXECUTE internal.FindPrevalence @Prevalence OUTPUT, @ClassifierId;
    SELECT @FeatureSetId = feature_set_id, @Pooling = pooling FROM dbo.classifiers WHERE classifier_id = @ClassifierId;
    EXECUTE internal.FindPatients NULL, @FeatureSetId, @Pooling, 0, @ScanId = @ScanId;
    EXECUTE internal.ScoreScansSql @ClassifierId, @Prevalence, 1;

    EXECUTE internal.StorePredictions @ClassifierId, @Prevalence;
    IF NOT EXISTS (SELECT 1 FROM #scores)
    BEGIN
        SET @Message = CONCAT(N'The scan ', @ScanId,
            N' was replaced or removed while it was scored. Nothing is stored. Call it again.');
        THROW 50232, @Message, 1;
    END;
    IF EXISTS (SELECT 1 FROM dbo.classifiers WHERE classifier_id = @ClassifierId AND task = 'regression')
    BEGIN
        SET @PredictionResult = (SELECT raw FROM #scores);
        SELECT @PredictionResult AS predicted;
        RETURN 0;
    END;
    SET @PredictionResult = (SELECT 100 * probability FROM #scores);
    SELECT @PredictionResult AS prediction_percent;
END;
