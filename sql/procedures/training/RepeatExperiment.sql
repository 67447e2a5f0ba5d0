-- RepeatExperiment: trains a stored version again from what was recorded of it, and says whether the same bytes come out. Stores nothing.
-- Example: EXECUTE dbo.RepeatExperiment @ModelName = N'lightgbm_sql', @Version = 1;
CREATE OR ALTER PROCEDURE dbo.RepeatExperiment
    @ModelName NVARCHAR(128) = N'lightgbm_sql', -- name of a model in dbo.classifiers
    @Version INT = NULL,                        -- its version; NULL means the one that the name stands for
    @Help BIT = 0                               -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.RepeatExperiment trains a version again: the same scans, labels, parts and parameters, as its run recorded them.
Before that it compares them with what is stored now. What changed is named and nothing is trained: a vector, by its SHA-256, a label,
a part in dbo.splits, or a patient that is gone. Where all is as it was and other bytes come out, versions of libraries that changed are
named. It stores nothing and returns a row: classifier_id, name, version, the SHA-256 of both models, and the scans learnt from.
An ensemble is no training: repeat its members. Of a classifier that was trained elsewhere there is nothing to repeat.
Parameters:
    @ModelName NVARCHAR(128) = N''lightgbm_sql''  name of a model in dbo.classifiers
    @Version INT = NULL                         its version; NULL means the one that the name stands for
    @Help BIT = 0                               1 prints this help and does nothing else
Example:
    EXECUTE dbo.RepeatExperiment @ModelName = N''lightgbm_sql'', @Version = 1;';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000), @ClassifierId INT, @ExperimentId INT, @FeatureSetId INT, @Pooling NVARCHAR(32), @Sha256 VARBINARY(32),
        @Before NVARCHAR(MAX), @Parameters NVARCHAR(MAX), @Width INT, @Names NVARCHAR(MAX), @Number INT, @Name NVARCHAR(128);
    DECLARE @Classifier VARBINARY(MAX), @Library NVARCHAR(32), @Details NVARCHAR(MAX), @ErrorNumber INT, @ErrorMessage NVARCHAR(2000);
    DECLARE @Language NVARCHAR(128), @Remedy NVARCHAR(400), @CpuSeconds FLOAT, @PeakMegabytes FLOAT;
    EXECUTE internal.ReadSettings @Language OUTPUT;
    CREATE TABLE #patients (
        place INT IDENTITY(1, 1) NOT NULL PRIMARY KEY, patient_id NVARCHAR(64) COLLATE DATABASE_DEFAULT NOT NULL,
        scan_id INT NOT NULL UNIQUE, label TINYINT NULL, target FLOAT NULL, part VARCHAR(10) COLLATE DATABASE_DEFAULT NULL,
        vector_sha256 VARBINARY(32) NOT NULL);
    CREATE TABLE #result (
        place INT NULL, part VARCHAR(10) COLLATE DATABASE_DEFAULT NULL, fold INT NULL, raw FLOAT NULL, probability FLOAT NULL,
        out_of_fold INT NULL);

    EXECUTE internal.FindClassifier @ModelName, @Version, @ClassifierId OUTPUT;
    SELECT @Name = name, @Number = version, @FeatureSetId = feature_set_id, @Pooling = pooling, @Sha256 = sha256, @Before = details,
        @Library = library
    FROM dbo.classifiers
    WHERE classifier_id = @ClassifierId;
    SET @ExperimentId = (SELECT MAX(experiment_id) FROM dbo.experiments WHERE classifier_id = @ClassifierId);
    IF @ExperimentId IS NULL OR @Library = N'ensemble'
    BEGIN
        SET @Message = REPLACE(CONCAT(N'The model ''', @Name, N''' version ', @Number, IIF(@Library = N'ensemble',
            N' is an ensemble, which learns from no patient. Repeat its members, which dbo.ensemble_members lists.',
            N' has no recorded run: it was trained elsewhere. Repeat it where it was trained.')), N'%', N'%%');
        THROW 50292, @Message, 1;
    END;
    EXECUTE internal.CompareRecorded @ExperimentId, @FeatureSetId, @Pooling, @Before, @Message OUTPUT;
    IF @Message IS NOT NULL
    BEGIN
        SET @Message = REPLACE(LEFT(CONCAT(N'The model ''', @Name, N''' version ', @Number, N' cannot be trained again as it was: ',
            @Message, N' Put that back, or train a new version.'), 1900), N'%', N'%%');
        THROW 50292, @Message, 1;
    END;
    SELECT @Parameters = JSON_MODIFY(parameters, N'$.positive_from', NULL) FROM dbo.experiments WHERE experiment_id = @ExperimentId;
    EXECUTE internal.NameFeatures @FeatureSetId, @Pooling, @Width OUTPUT, @Names OUTPUT;

    DECLARE @RunId INT, @Arguments NVARCHAR(4000) = JSON_MODIFY(JSON_MODIFY(N'{}', N'$.model', @Name), N'$.version', @Number);
    EXECUTE internal.StartRun N'RepeatExperiment', @RunId OUTPUT, @Arguments;
    INSERT INTO #result (place, part, fold, raw, probability, out_of_fold)
    EXECUTE sp_execute_external_script
        @language = @Language,
        @script = N'
def main(patients, width, parameters, names):
    from lungdb.procedures import measured, train_lung_cancer_model
    return measured(train_lung_cancer_model, patients, width, parameters, names)

OutputDataSet, Classifier, Library, Details, ErrorNumber, ErrorMessage, CpuSeconds, PeakMegabytes = main(
    InputDataSet, Width, Parameters, Names)
',
        @input_data_1 = N'
SELECT t.place, t.patient_id, t.part, COALESCE(CAST(t.label AS INT), -1) AS label, t.target, f.vector
FROM #patients AS t
INNER JOIN dbo.pooled_features AS f ON f.scan_id = t.scan_id AND f.vector_sha256 = t.vector_sha256
WHERE f.feature_set_id = @FeatureSetId AND f.pooling = @Pooling
ORDER BY t.place;',
        @params = N'@FeatureSetId INT, @Pooling NVARCHAR(32), @Width INT, @Parameters NVARCHAR(MAX), @Names NVARCHAR(MAX),
            @Classifier VARBINARY(MAX) OUTPUT, @Library NVARCHAR(32) OUTPUT, @Details NVARCHAR(MAX) OUTPUT,
            @ErrorNumber INT OUTPUT, @ErrorMessage NVARCHAR(2000) OUTPUT,
            @CpuSeconds FLOAT OUTPUT, @PeakMegabytes FLOAT OUTPUT',
        @FeatureSetId = @FeatureSetId, @Pooling = @Pooling, @Width = @Width, @Parameters = @Parameters, @Names = @Names,
        @Classifier = @Classifier OUTPUT, @Library = @Library OUTPUT, @Details = @Details OUTPUT,
        @ErrorNumber = @ErrorNumber OUTPUT, @ErrorMessage = @ErrorMessage OUTPUT,
        @CpuSeconds = @CpuSeconds OUTPUT, @PeakMegabytes = @PeakMegabytes OUTPUT;
    IF @ErrorNumber <> 0
        EXECUTE internal.EndRun @RunId, 0, @ErrorMessage;
    IF @ErrorNumber <> 0
    BEGIN
        SET @Message = REPLACE(@ErrorMessage, N'%', N'%%');
        THROW @ErrorNumber, @Message, 1;
    END;

    EXECUTE internal.ReportStep @RunId, N'Trained again; comparing.', NULL, NULL, NULL, NULL, NULL, @CpuSeconds, @PeakMegabytes;
    IF HASHBYTES('SHA2_256', @Classifier) <> @Sha256
    BEGIN
        -- A key of OPENJSON has a collation of its own, which these columns take away.
        CREATE TABLE #libraries (
            name NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL, version NVARCHAR(128) COLLATE DATABASE_DEFAULT NULL, is_now BIT NOT NULL);
        INSERT INTO #libraries (name, version, is_now)
        SELECT [key], [value], 0 FROM OPENJSON(@Before, N'$.libraries');
        INSERT INTO #libraries (name, version, is_now)
        SELECT [key], [value], 1 FROM OPENJSON(@Details, N'$.libraries');
        SET @Remedy = (
            SELECT STRING_AGG(CONCAT(l.name, N' was ', COALESCE(l.was, N'not there'), N' and is ', COALESCE(l.now, N'not there')), N', ')
            FROM (
                SELECT name, MAX(IIF(is_now = 0, version, NULL)) AS was, MAX(IIF(is_now = 1, version, NULL)) AS now
                FROM #libraries
                GROUP BY name) AS l
            WHERE COALESCE(l.was, N'') <> COALESCE(l.now, N''));
        SET @Message = REPLACE(LEFT(CONCAT(N'The model ''', @Name, N''' version ', @Number, N' comes out with other bytes: SHA-256 ',
            LOWER(CONVERT(VARCHAR(64), HASHBYTES('SHA2_256', @Classifier), 2)), N', before ', LOWER(CONVERT(VARCHAR(64), @Sha256, 2)),
            N'. Scans, labels, parts and parameters are as they were; ', COALESCE(N'changed are the libraries: ' + @Remedy
            + N'. Repeat it with those versions.', N'the libraries are too, so that the processor or the stored model is another one.')),
            1900), N'%', N'%%');
        EXECUTE internal.EndRun @RunId, 0, @Message;
        THROW 50292, @Message, 1;
    END;
    EXECUTE internal.EndRun @RunId, @Result = N'It comes out with the same bytes.';
    SELECT @ClassifierId AS classifier_id, @Name AS name, @Number AS version, @Sha256 AS sha256,
        HASHBYTES('SHA2_256', @Classifier) AS repeated_sha256, (SELECT COUNT(*) FROM #patients) AS scans;
    RAISERROR(N'%s version %d comes out with the same bytes.', 0, 1, @Name, @Number) WITH NOWAIT;
END;
