-- PredictPatients: scores the primary scans of all patients, or the scans asked for, with a trained model in one call of Python.
-- Example: EXECUTE dbo.PredictPatients @ModelName = N'lightgbm_sql';
CREATE OR ALTER PROCEDURE dbo.PredictPatients
    @ModelName NVARCHAR(128) = N'lightgbm_sql', -- name of a model in dbo.classifiers
    @Patients NVARCHAR(MAX) = NULL,             -- indices of patients with commas between; NULL means all
    @Version INT = NULL,                        -- version of the model; NULL means the one served, see dbo.model_status
    @Prevalence FLOAT = NULL,                   -- share of positives where the patients come from; NULL means the setting prevalence
    @SkipMissing BIT = 0,                       -- 1 leaves out patients without features; 0 refuses
    @Only NVARCHAR(16) = NULL,                  -- primary, newest, all, or new: not scored yet; NULL means primary, or all of a data set
    @Dataset NVARCHAR(128) = NULL,              -- data set of scans, as CreateDataset makes them; NULL means any scan
    @DatasetVersion INT = NULL,                 -- its version; NULL means the newest
    @Quiet BIT = 0,                             -- 1 stores the scores and returns no rows
    @Help BIT = 0                               -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.PredictPatients scores the primary scans of all patients, or the scans asked for, with a trained model.
It keeps every score as a row of dbo.predictions and returns index and probability in percent, one row a patient; of a model of the task
regression predicted, a number, in place of the percentage.
@Only says which scans of a patient: the primary one; newest, the one that the series rule chose of his newest study; all; or new, those
that the version has not scored by the features that are there, so that a job that runs every night does not score all again.
With @Only or @Dataset the rows have scan_id as a further column.
Parameters:
    @ModelName NVARCHAR(128) = N''lightgbm_sql''  name of a model in dbo.classifiers
    @Patients NVARCHAR(MAX) = NULL              indices of patients with commas between; NULL means all
    @Version INT = NULL                         version of the model; NULL means the one served, see dbo.model_status
    @Prevalence FLOAT = NULL                    share of positives where the patients come from; NULL means the setting prevalence
    @SkipMissing BIT = 0                        1 leaves out patients without features; 0 refuses
    @Only NVARCHAR(16) = NULL                   primary, newest, all, or new: not scored yet; NULL means primary, or all of a data set
    @Dataset NVARCHAR(128) = NULL               data set of scans, as CreateDataset makes them; NULL means any scan
    @DatasetVersion INT = NULL                  its version; NULL means the newest
    @Quiet BIT = 0                              1 stores the scores and returns no rows
    @Help BIT = 0                               1 prints this help and does nothing else
Examples:
    EXECUTE dbo.PredictPatients;
    DECLARE @Old NVARCHAR(MAX) = (SELECT STRING_AGG(CAST(idx AS NVARCHAR(MAX)), N'','') FROM dbo.patients WHERE birth_year < 1950);
    EXECUTE dbo.PredictPatients @Patients = @Old, @SkipMissing = 1;';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000), @ErrorNumber INT, @ErrorMessage NVARCHAR(2000), @Scored INT, @Failed INT;
    DECLARE @ClassifierId INT, @FeatureSetId INT, @Pooling NVARCHAR(32), @Number INT;
    DECLARE @Classifier VARBINARY(MAX), @Sha256 VARCHAR(64), @Library NVARCHAR(32), @Details NVARCHAR(MAX), @Scope NVARCHAR(MAX);
    DECLARE @Language NVARCHAR(128);
    EXECUTE internal.ReadSettings @Language OUTPUT;
    DECLARE @What NVARCHAR(8) = IIF(@Only IS NULL AND @Dataset IS NULL, N'patients', N'scans');
    CREATE TABLE #wanted (scan_id INT NOT NULL PRIMARY KEY, idx INT NOT NULL, vector_sha256 VARBINARY(32) NOT NULL);
    CREATE TABLE #scores (scan_id INT NOT NULL PRIMARY KEY, raw FLOAT NOT NULL, probability FLOAT NULL);
    CREATE TABLE #result (
        scan_id INT NULL, error NVARCHAR(2000) COLLATE DATABASE_DEFAULT NULL, raw FLOAT NULL, probability FLOAT NULL, distance FLOAT NULL);

    IF @Quiet IS NULL
    BEGIN
        SET @Message = N'The value NULL for the parameter @Quiet is not supported. Supported values are 0 and 1.';
        THROW 50101, @Message, 1;
    END;
    EXECUTE internal.FindClassifier @ModelName, @Version, @ClassifierId OUTPUT;
    EXECUTE internal.FindPrevalence @Prevalence OUTPUT, @ClassifierId;
    SELECT @FeatureSetId = c.feature_set_id, @Pooling = c.pooling, @Classifier = c.model, @Library = c.library,
        @Sha256 = CONVERT(VARCHAR(64), c.sha256, 2), @Details = c.details, @Number = c.version
    FROM dbo.classifiers AS c
    WHERE c.classifier_id = @ClassifierId;
    EXECUTE internal.FindPatients @Patients, @FeatureSetId, @Pooling, @SkipMissing, 1, 0, @ClassifierId, @Only, @Dataset,
        @DatasetVersion;
    IF NOT EXISTS (SELECT 1 FROM #wanted)
    BEGIN
        IF @Quiet = 0
            EXECUTE internal.ShowScores @Only, @Dataset, @ClassifierId;
        RETURN 0;
    END;

    DECLARE @RunId INT, @Arguments NVARCHAR(4000) = JSON_MODIFY(JSON_MODIFY(JSON_MODIFY(JSON_MODIFY(N'{}', N'$.model', @ModelName),
        N'$.version', @Number), N'$.dataset', @Dataset), N'$.prevalence', @Prevalence);
    EXECUTE internal.StartRun N'PredictPatients', @RunId OUTPUT, @Arguments;
    -- Style 3 has the 17 digits that make the same number again.
    SET @Scope = (
        SELECT CONCAT(N'[', STRING_AGG(CAST(CONCAT(N'[', m.feature_index, N',', CONVERT(NVARCHAR(32), m.mean, 3), N',',
            CONVERT(NVARCHAR(32), m.sd, 3), N']') AS NVARCHAR(MAX)), N','), N']')
        FROM dbo.model_scope_features AS m
        WHERE m.classifier_id = @ClassifierId);
    INSERT INTO #result (scan_id, error, raw, probability, distance)
    EXECUTE sp_execute_external_script
        @language = @Language,
        @script = N'
def main(patients, model, sha256, library, details, prevalence, scope):
    from lungdb.procedures import predict_and_measure
    return predict_and_measure(patients, model, sha256, library, details, prevalence, scope)

OutputDataSet, ErrorNumber, ErrorMessage = main(InputDataSet, Classifier, Sha256, Library, Details, Prevalence, Scope)
',
        @input_data_1 = N'
SELECT w.scan_id, f.vector
FROM #wanted AS w
INNER JOIN dbo.pooled_features AS f ON f.scan_id = w.scan_id AND f.vector_sha256 = w.vector_sha256
WHERE f.feature_set_id = @FeatureSetId AND f.pooling = @Pooling
ORDER BY w.scan_id;',
        @params = N'@FeatureSetId INT, @Pooling NVARCHAR(32), @Classifier VARBINARY(MAX), @Sha256 VARCHAR(64), @Library NVARCHAR(32),
            @Details NVARCHAR(MAX), @Prevalence FLOAT, @Scope NVARCHAR(MAX), @ErrorNumber INT OUTPUT, @ErrorMessage NVARCHAR(2000) OUTPUT',
        @FeatureSetId = @FeatureSetId, @Pooling = @Pooling, @Classifier = @Classifier, @Sha256 = @Sha256, @Library = @Library,
        @Details = @Details, @Prevalence = @Prevalence, @Scope = @Scope, @ErrorNumber = @ErrorNumber OUTPUT,
        @ErrorMessage = @ErrorMessage OUTPUT;
    IF @ErrorNumber <> 0
        EXECUTE internal.EndRun @RunId, 0, @ErrorMessage;
    IF @ErrorNumber <> 0
    BEGIN
        SET @Message = REPLACE(@ErrorMessage, N'%', N'%%');
        THROW @ErrorNumber, @Message, 1;
    END;

    EXECUTE internal.StoreScored @FeatureSetId, @Pooling, @ClassifierId, @Prevalence, @RunId;
    IF @Quiet = 0
        EXECUTE internal.ShowScores @Only, @Dataset, @ClassifierId;
    SET @Scored = (SELECT COUNT(*) FROM #scores);
    SET @Failed = (SELECT COUNT(*) FROM #wanted) - @Scored;
    SET @Message = CONCAT(@ModelName, N' version ', @Number, N' has scored ', @Scored, N' ', @What, N'.');
    EXECUTE internal.ReportStep @RunId, @Message, @Scored, @Scored, @Scored;
    EXECUTE internal.EndRun @RunId, @Failed;

    IF @Failed > 0
    BEGIN
        SET @Message = REPLACE(LEFT(CONCAT(@Failed, N' ', @What, N' could not be scored: ', (
                SELECT STRING_AGG(CONCAT(N'index ', f.idx, N': ', LEFT(f.error, 240)), N' ') WITHIN GROUP (ORDER BY f.idx)
                FROM (
                    SELECT TOP (5) w.idx, COALESCE(NULLIF(r.error, N''), CASE WHEN w.vector_sha256 = 0x
                        THEN N'The vector in dbo.pooled_features does not match its SHA-256.'
                        ELSE N'Scan or features were replaced or removed meanwhile.' END) AS error
                    FROM #wanted AS w
                    LEFT JOIN #result AS r ON r.scan_id = w.scan_id
                    WHERE w.scan_id NOT IN (SELECT scan_id FROM #scores)
                    ORDER BY w.idx) AS f), IIF(@Failed > 5, N' …', N''),
            N' The others are scored and stored. Call GenerateFeatures with @Recompute = 1 for these.'), 1900), N'%', N'%%');
        THROW 50120, @Message, 1;
    END;
END;
