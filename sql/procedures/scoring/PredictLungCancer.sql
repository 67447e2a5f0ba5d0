-- PredictLungCancer: the probability of cancer that a trained model gives a patient's primary scan, in percent.
-- Example: DECLARE @Result FLOAT; EXECUTE dbo.PredictLungCancer @PatientIndex = 0, @PredictionResult = @Result OUTPUT;
CREATE OR ALTER PROCEDURE dbo.PredictLungCancer
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
        PRINT N'dbo.PredictLungCancer scores the primary scan of a patient, or any other scan, with a trained model.
It gives the probability of cancer in percent as an OUTPUT parameter and as a result set of one row, prediction_percent,
or of a model of the task regression the number that it predicts, the row then being predicted,
and keeps it as a row of dbo.predictions. The features must be there: GenerateFeatures makes them.
With a prevalence the score is corrected from the share of positives among the training patients to that one.
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
    EXECUTE dbo.PredictLungCancer @PatientIndex = 0, @PredictionResult = @Result OUTPUT;';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000), @VectorSha256 VARBINARY(32), @ModelTask VARCHAR(14);
    DECLARE @ClassifierId INT, @FeatureSetId INT, @Pooling NVARCHAR(32), @Network NVARCHAR(128), @Layer NVARCHAR(256),
        @Preprocessing NVARCHAR(32), @Calls NVARCHAR(1000);
    DECLARE @Classifier VARBINARY(MAX), @Sha256 VARCHAR(64), @Library NVARCHAR(32), @Details NVARCHAR(MAX), @Vector NVARCHAR(MAX);
    DECLARE @Probability FLOAT, @Raw FLOAT, @Distance FLOAT, @ErrorNumber INT, @ErrorMessage NVARCHAR(2000), @Parts INT, @IsSound BIT;
    DECLARE @Language NVARCHAR(128);
    EXECUTE internal.ReadSettings @Language OUTPUT;
    CREATE TABLE #wanted (scan_id INT NOT NULL PRIMARY KEY, idx INT NOT NULL, vector_sha256 VARBINARY(32) NOT NULL);
    CREATE TABLE #scores (scan_id INT NOT NULL PRIMARY KEY, raw FLOAT NOT NULL, probability FLOAT NULL);
    CREATE TABLE #measured (scan_id INT NOT NULL PRIMARY KEY, distance FLOAT NULL);
    CREATE TABLE #model_scope (feature_index INT NOT NULL, mean FLOAT NOT NULL, sd FLOAT NOT NULL);
    SET @PredictionResult = NULL;

    EXECUTE internal.FindScan @PatientIndex, @ScanId OUTPUT;
    IF @PatientIndex IS NULL
        SET @PatientIndex = (
            SELECT p.idx FROM dbo.scans AS s INNER JOIN dbo.patients AS p ON p.patient_id = s.patient_id WHERE s.scan_id = @ScanId);
    EXECUTE internal.FindClassifier @ModelName, @Version, @ClassifierId OUTPUT;
    IF @Task IS NOT NULL
        EXECUTE internal.CheckScoreTask @ClassifierId, @Task;
    EXECUTE internal.FindPrevalence @Prevalence OUTPUT, @ClassifierId;

    SELECT @FeatureSetId = c.feature_set_id, @Pooling = c.pooling, @Classifier = c.model, @Library = c.library,
        @Sha256 = CONVERT(VARCHAR(64), c.sha256, 2), @Details = c.details, @ModelTask = c.task,
        @Parts = (SELECT COUNT(*) FROM dbo.feature_parts AS p WHERE p.feature_set_id = c.feature_set_id)
    FROM dbo.classifiers AS c
    WHERE c.classifier_id = @ClassifierId;
    IF @Parts > 0
    BEGIN
        CREATE TABLE #combine (scan_id INT NOT NULL PRIMARY KEY);
        INSERT INTO #combine (scan_id) VALUES (@ScanId);
        EXECUTE internal.FillCombinedFeatures @FeatureSetId;
    END;
    SELECT @Vector = vector, @VectorSha256 = vector_sha256, @IsSound = CASE
        WHEN DATALENGTH(vector) <= 1073741824 AND vector_sha256 = HASHBYTES('SHA2_256', CONVERT(VARBINARY(MAX), vector)) THEN 1
        ELSE 0 END
    FROM dbo.pooled_features
    WHERE scan_id = @ScanId AND feature_set_id = @FeatureSetId AND pooling = @Pooling;
    IF @Vector IS NULL
    BEGIN
        SELECT @Network = n.name, @Layer = fs.layer, @Preprocessing = fs.preprocessing
        FROM dbo.feature_sets AS fs
        LEFT JOIN dbo.networks AS n ON n.network_id = fs.network_id
        WHERE fs.feature_set_id = @FeatureSetId;
        EXECUTE internal.SayPooling @Pooling, @FeatureSetId, @ScanId, @Calls OUTPUT;
        SET @Message = CONCAT(N'The scan ', @ScanId, N' of the patient with index ', @PatientIndex, N' has no features that the model ''',
            @ModelName, N''' can read. Call ', @Calls, IIF(@Calls IS NOT NULL, N'', IIF(@Network IS NULL, N'GenerateFeatures for ' + @Layer,
                CONCAT(N'EXECUTE dbo.GenerateFeatures @ModelName = N''', @Network, N''', @Layer = N''', @Layer,
                    N''', @Preprocessing = N''', @Preprocessing, N''', @Pooling = N''', @Pooling, N''''))), N';');
        SET @Message = REPLACE(@Message, N'%', N'%%');
        THROW 50109, @Message, 1;
    END;

    IF @IsSound = 0
    BEGIN
        CREATE TABLE #read (scan_id INT NOT NULL PRIMARY KEY);
        INSERT INTO #read (scan_id) VALUES (@ScanId);
        EXECUTE internal.CheckVectors @FeatureSetId, @Pooling;
    END;
    -- The query of a script runs with the caller's rights, who needs none on dbo's tables.
    INSERT INTO #model_scope (feature_index, mean, sd)
    SELECT feature_index, mean, sd FROM dbo.model_scope_features WHERE classifier_id = @ClassifierId;
    EXECUTE sp_execute_external_script
        @language = @Language,
        @script = N'
def main(scope, model, sha256, library, details, vector, prevalence):
    from lungdb.procedures import predict_and_measure_patient
    return predict_and_measure_patient(model, sha256, library, details, vector, prevalence, scope)

Probability, Raw, ErrorNumber, ErrorMessage, Distance = main(InputDataSet, Classifier, Sha256, Library, Details, Vector, Prevalence)
',
        @input_data_1 = N'SELECT feature_index, mean, sd FROM #model_scope ORDER BY feature_index;',
        @params = N'@Classifier VARBINARY(MAX), @Sha256 VARCHAR(64), @Library NVARCHAR(32), @Details NVARCHAR(MAX),
            @Vector NVARCHAR(MAX), @Prevalence FLOAT, @Probability FLOAT OUTPUT, @Raw FLOAT OUTPUT, @Distance FLOAT OUTPUT,
            @ErrorNumber INT OUTPUT, @ErrorMessage NVARCHAR(2000) OUTPUT',
        @Classifier = @Classifier, @Sha256 = @Sha256, @Library = @Library, @Details = @Details,
        @Vector = @Vector, @Prevalence = @Prevalence, @Probability = @Probability OUTPUT, @Raw = @Raw OUTPUT,
        @Distance = @Distance OUTPUT, @ErrorNumber = @ErrorNumber OUTPUT, @ErrorMessage = @ErrorMessage OUTPUT;
    IF @ErrorNumber <> 0
    BEGIN
        SET @Message = REPLACE(@ErrorMessage, N'%', N'%%');
        THROW @ErrorNumber, @Message, 1;
    END;

    INSERT INTO #wanted (scan_id, idx, vector_sha256)
    VALUES (@ScanId, @PatientIndex, @VectorSha256);
    INSERT INTO #scores (scan_id, raw, probability)
    VALUES (@ScanId, @Raw, IIF(@ModelTask = 'regression', NULL, @Probability));
    -- A negative distance is one that is not known.
    INSERT INTO #measured (scan_id, distance)
    VALUES (@ScanId, IIF(@Distance < 0, NULL, @Distance));
    EXECUTE internal.StorePredictions @ClassifierId, @Prevalence, 1;
    IF NOT EXISTS (SELECT 1 FROM #scores)
    BEGIN
        SET @Message = CONCAT(N'The scan of the patient with index ', @PatientIndex,
            N' was replaced or removed while it was scored. Nothing is stored. Call it again.');
        THROW 50232, @Message, 1;
    END;
    SET @PredictionResult = IIF(@ModelTask = 'regression', @Raw, 100 * @Probability);
    IF @ModelTask = 'regression'
        SELECT @PredictionResult AS predicted;
    ELSE
        SELECT @PredictionResult AS prediction_percent;
END;
