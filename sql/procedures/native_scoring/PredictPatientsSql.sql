-- PredictPatientsSql: scores the primary scans of all patients, or the scans asked for, with T-SQL alone.
-- Example: EXECUTE dbo.PredictPatientsSql @ModelName = N'lightgbm_sql';
CREATE OR ALTER PROCEDURE dbo.PredictPatientsSql
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
        PRINT N'dbo.PredictPatientsSql does what dbo.PredictPatients does on a server that runs no external scripts.
It keeps every score as a row of dbo.predictions and returns index and probability in percent, one row a patient; of a model of the task
regression predicted, a number, in place of the percentage.
The model needs its rows in dbo.model_scoring, dbo.model_nodes or dbo.model_coefficients, and dbo.model_checks: training
stores them, StoreModelNodes stores those of an older model, and the command lungdb copy brings them to another server.
A null in a vector is a missing value, by LightGBM''s rules.
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
Example:
    EXECUTE dbo.PredictPatientsSql @Patients = N''0,1,2'';';
        RETURN 0;
    END;

    DECLARE @ClassifierId INT, @FeatureSetId INT, @Pooling NVARCHAR(32), @Number INT, @Scored INT, @Message NVARCHAR(2000);
    DECLARE @What NVARCHAR(8) = IIF(@Only IS NULL AND @Dataset IS NULL, N'patients', N'scans');
    CREATE TABLE #wanted (scan_id INT NOT NULL PRIMARY KEY, idx INT NOT NULL, vector_sha256 VARBINARY(32) NOT NULL);
    CREATE TABLE #scores (scan_id INT NOT NULL PRIMARY KEY, raw FLOAT NOT NULL, probability FLOAT NULL);

    IF @Quiet IS NULL
    BEGIN
        SET @Message = N'The value NULL for the parameter @Quiet is not supported. Supported values are 0 and 1.';
        THROW 50101, @Message, 1;
    END;
    EXECUTE internal.FindScoring @ModelName, @Version, @ClassifierId OUTPUT;
    EXECUTE internal.FindPrevalence @Prevalence OUTPUT, @ClassifierId;
    SELECT @FeatureSetId = feature_set_id, @Pooling = pooling, @Number = version FROM dbo.classifiers WHERE classifier_id = @ClassifierId;
    EXECUTE internal.FindPatients @Patients, @FeatureSetId, @Pooling, @SkipMissing, 0, 1, @ClassifierId, @Only, @Dataset,
        @DatasetVersion;
    IF NOT EXISTS (SELECT 1 FROM #wanted)
    BEGIN
        IF @Quiet = 0
            EXECUTE internal.ShowScores @Only, @Dataset, @ClassifierId;
        RETURN 0;
    END;
    DECLARE @RunId INT, @Arguments NVARCHAR(4000) = JSON_MODIFY(JSON_MODIFY(JSON_MODIFY(JSON_MODIFY(N'{}', N'$.model', @ModelName),
        N'$.version', @Number), N'$.dataset', @Dataset), N'$.prevalence', @Prevalence);
    EXECUTE internal.StartRun N'PredictPatientsSql', @RunId OUTPUT, @Arguments;
    BEGIN TRY
        EXECUTE internal.ScoreScansSql @ClassifierId, @Prevalence;
        EXECUTE internal.StorePredictions @ClassifierId, @Prevalence;
    END TRY
    BEGIN CATCH
        IF @@TRANCOUNT > 0
            ROLLBACK TRANSACTION;
        SET @Message = ERROR_MESSAGE();
        EXECUTE internal.EndRun @RunId, 0, @Message;
        THROW;
    END CATCH;
    SET @Scored = (SELECT COUNT(*) FROM #scores);
    SET @Message = (
        SELECT STRING_AGG(CAST(w.idx AS NVARCHAR(MAX)), N', ')
        FROM (SELECT TOP (20) idx FROM #wanted WHERE scan_id NOT IN (SELECT scan_id FROM #scores) ORDER BY idx) AS w);
    IF @Message IS NOT NULL
        RAISERROR(N'The scans of some patients were replaced or removed meanwhile, and are left out; the first indices: %s.', 0, 1,
            @Message) WITH NOWAIT;
    IF @Quiet = 0
        EXECUTE internal.ShowScores @Only, @Dataset, @ClassifierId;
    SET @Message = CONCAT(@ModelName, N' version ', @Number, N' has scored ', @Scored, N' ', @What, N'.');
    EXECUTE internal.ReportStep @RunId, @Message, @Scored, @Scored, @Scored;
    EXECUTE internal.EndRun @RunId;
END;
