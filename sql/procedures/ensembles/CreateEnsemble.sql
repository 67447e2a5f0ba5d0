-- CreateEnsemble: makes a model of several trained ones: the mean of their log-odds, recalibrated on patients that none has learnt from.
-- Example: EXECUTE dbo.CreateEnsemble @ModelName = N'both', @Members = N'lightgbm_sql:1, logistic:2';
CREATE OR ALTER PROCEDURE dbo.CreateEnsemble
    @ModelName NVARCHAR(128) = N'ensemble_sql', -- name to store the ensemble under; each call adds a version
    @Members NVARCHAR(MAX) = NULL,              -- models as name:version with commas between, two or more; needed
    @Seed INT = 20170401,                       -- of the folds of the recalibration, 0 to 2147483647
    @Help BIT = 0                               -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.CreateEnsemble makes a model whose score is the mean of its members'' log-odds, moved to one prevalence.
A mean of calibrated scores is not calibrated: it is calibrated anew on the training patients whose scores are out of fold for every
member, and where those are fewer than five of a class the ensemble is marked uncalibrated, and says so. The test figures are those of
the test patients of all members. Members that read different features make the ensemble read all of them, as a combined feature set.
A name without a version means the one that it stands for. A member cannot be deleted while an ensemble refers to it.
TrainLungCancerModel calls it for @Algorithm = N''ensemble''.
Parameters:
    @ModelName NVARCHAR(128) = N''ensemble_sql''  name to store the ensemble under; each call adds a version
    @Members NVARCHAR(MAX) = NULL               models as name:version with commas between, two or more; needed
    @Seed INT = 20170401                        of the folds of the recalibration, 0 to 2147483647
    @Help BIT = 0                               1 prints this help and does nothing else
Example:
    EXECUTE dbo.CreateEnsemble @ModelName = N''both'', @Members = N''lightgbm_sql:1, logistic:2'';';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000), @FeatureSetId INT, @Pooling NVARCHAR(32), @IsNew BIT, @Scores NVARCHAR(MAX), @RunId INT,
        @Started DATETIME2(3) = SYSUTCDATETIME(), @Version INT, @ExperimentId INT, @Said NVARCHAR(2000), @Lacking NVARCHAR(400);
    DECLARE @Horizon INT, @Names NVARCHAR(MAX), @Width INT, @Trees INT, @Divisor FLOAT, @Steepness FLOAT, @Expected NVARCHAR(MAX),
        @DatasetVersionId INT, @IsScored BIT;
    DECLARE @Classifier VARBINARY(MAX), @Details NVARCHAR(MAX), @ErrorNumber INT, @ErrorMessage NVARCHAR(2000), @Language NVARCHAR(128);
    EXECUTE internal.ReadSettings @Language OUTPUT;
    CREATE TABLE #ensemble (
        position INT NOT NULL PRIMARY KEY, classifier_id INT NOT NULL, name NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL,
        version INT NOT NULL, library NVARCHAR(32) COLLATE DATABASE_DEFAULT NOT NULL, feature_set_id INT NOT NULL,
        pooling NVARCHAR(32) COLLATE DATABASE_DEFAULT NOT NULL, sha256 VARBINARY(32) NOT NULL, width INT NOT NULL,
        experiment_id INT NULL, first_index INT NULL);
    CREATE TABLE #patients (
        place INT IDENTITY(1, 1) NOT NULL PRIMARY KEY, patient_id NVARCHAR(64) COLLATE DATABASE_DEFAULT NOT NULL,
        scan_id INT NOT NULL UNIQUE, label TINYINT NULL, target FLOAT NULL, part VARCHAR(10) COLLATE DATABASE_DEFAULT NULL,
        vector_sha256 VARBINARY(32) NOT NULL);
    CREATE TABLE #result (
        place INT NULL, part VARCHAR(10) COLLATE DATABASE_DEFAULT NULL, fold INT NULL, raw FLOAT NULL, probability FLOAT NULL,
        out_of_fold INT NULL);
    CREATE TABLE #figures (
        kind VARCHAR(10) COLLATE DATABASE_DEFAULT NOT NULL, part VARCHAR(10) COLLATE DATABASE_DEFAULT NOT NULL,
        name NVARCHAR(64) COLLATE DATABASE_DEFAULT NOT NULL, position INT NOT NULL, x FLOAT NULL, y FLOAT NULL, threshold FLOAT NULL);
    CREATE TABLE #given (
        tree INT NULL, node INT NULL, feature_index INT NULL, threshold FLOAT NULL, missing VARCHAR(4) COLLATE DATABASE_DEFAULT NULL,
        default_left INT NULL, left_node INT NULL, right_node INT NULL, leaf_value FLOAT NULL);
    CREATE TABLE #scope (
        item VARCHAR(16) COLLATE DATABASE_DEFAULT NOT NULL, position INT NOT NULL, low FLOAT NULL, high FLOAT NULL,
        text NVARCHAR(64) COLLATE DATABASE_DEFAULT NULL, scans INT NOT NULL);
    CREATE TABLE #scope_features (feature_index INT NOT NULL PRIMARY KEY, mean FLOAT NOT NULL, sd FLOAT NOT NULL);
    CREATE TABLE #taught (
        scan_id INT NOT NULL PRIMARY KEY, patient_id NVARCHAR(64) COLLATE DATABASE_DEFAULT NOT NULL, is_held_out BIT NOT NULL);

    EXECUTE internal.FindEnsembleMembers @ModelName, @Members, @Seed;
    EXECUTE internal.CheckTask @ModelName, 'classification';
    EXECUTE internal.CheckEnsembleLabels;
    DECLARE @Arguments NVARCHAR(4000) = JSON_MODIFY(JSON_MODIFY(JSON_MODIFY(N'{}', N'$.model', @ModelName), N'$.members',
        LEFT(@Members, 2000)), N'$.seed', @Seed);
    EXECUTE internal.StartRun N'CreateEnsemble', @RunId OUTPUT, @Arguments;
    EXECUTE internal.FindEnsembleFeatures @FeatureSetId OUTPUT, @Pooling OUTPUT, @IsNew OUTPUT;
    EXECUTE internal.NameFeatures @FeatureSetId, @Pooling, @Width OUTPUT, @Names OUTPUT;
    BEGIN TRY
        EXECUTE internal.TakeEnsemblePatients @FeatureSetId, @Pooling, @RunId, @Scores OUTPUT;
        EXECUTE internal.TakeEnsembleScope @FeatureSetId, @Pooling;
    END TRY
    BEGIN CATCH
        IF @@TRANCOUNT > 0
            ROLLBACK TRANSACTION;
        SET @Message = ERROR_MESSAGE();
        IF @IsNew = 1
            EXECUTE internal.DropEnsembleFeatures @FeatureSetId;
        EXECUTE internal.EndRun @RunId, 0, @Message;
        THROW;
    END CATCH;

    INSERT INTO #result (place, part, fold, raw, probability, out_of_fold)
    EXECUTE sp_execute_external_script
        @language = @Language,
        @script = N'
def main(members, scores, seed, names):
    from lungdb.procedures import create_ensemble
    return create_ensemble(members, scores, seed, names)

OutputDataSet, Classifier, Details, ErrorNumber, ErrorMessage = main(InputDataSet, Scores, Seed, Names)
',
        @input_data_1 = N'
SELECT e.position, e.name, e.version, c.library, CONVERT(VARCHAR(MAX), c.model, 2) AS model, CONVERT(VARCHAR(64), c.sha256, 2) AS sha256,
    c.details, e.first_index
FROM #ensemble AS e
INNER JOIN dbo.classifiers AS c ON c.classifier_id = e.classifier_id AND c.sha256 = e.sha256
ORDER BY e.position;',
        @params = N'@Scores NVARCHAR(MAX), @Seed INT, @Names NVARCHAR(MAX), @Classifier VARBINARY(MAX) OUTPUT,
            @Details NVARCHAR(MAX) OUTPUT, @ErrorNumber INT OUTPUT, @ErrorMessage NVARCHAR(2000) OUTPUT',
        @Scores = @Scores, @Seed = @Seed, @Names = @Names, @Classifier = @Classifier OUTPUT, @Details = @Details OUTPUT,
        @ErrorNumber = @ErrorNumber OUTPUT, @ErrorMessage = @ErrorMessage OUTPUT;
    IF @ErrorNumber <> 0
        EXECUTE internal.EndRun @RunId, 0, @ErrorMessage;
    IF @ErrorNumber <> 0 AND @IsNew = 1
        EXECUTE internal.DropEnsembleFeatures @FeatureSetId;
    IF @ErrorNumber <> 0
    BEGIN
        SET @Message = REPLACE(@ErrorMessage, N'%', N'%%');
        THROW @ErrorNumber, @Message, 1;
    END;
    EXECUTE internal.CheckTrainedPatients @RunId, @FeatureSetId, @Pooling;
    IF EXISTS (SELECT 1 FROM #result)
        EXECUTE internal.MeasureExperiment @RunId, @Seed, @Details;

    SET @Lacking = (
        SELECT STRING_AGG(CAST(CONCAT(e.name, N' version ', e.version) AS NVARCHAR(MAX)), N', ') WITHIN GROUP (ORDER BY e.position)
        FROM #ensemble AS e
        LEFT JOIN dbo.model_scoring AS s ON s.classifier_id = e.classifier_id
        WHERE s.rows_sha256 IS NULL);
    IF @Lacking IS NULL
        EXECUTE internal.ReadModelNodes @FeatureSetId, @Pooling, @Classifier, N'ensemble', @Details, @Width OUTPUT, @Trees OUTPUT,
            @Divisor OUTPUT, @Steepness OUTPUT, @Expected OUTPUT, @RunId;

    -- Where all members learnt from one data set, whom the ensemble was calibrated and tested on are members of it.
    SELECT @Horizon = MAX(x.horizon_days), @DatasetVersionId = CASE WHEN MIN(x.dataset_version_id) = MAX(x.dataset_version_id)
            AND COUNT(x.dataset_version_id) = COUNT(*) THEN MIN(x.dataset_version_id) END
    FROM #ensemble AS e
    LEFT JOIN dbo.experiments AS x ON x.experiment_id = e.experiment_id;
    SET @IsScored = IIF(@Lacking IS NULL, 1, 0);
    EXECUTE internal.StoreEnsemble @ModelName, @FeatureSetId, @Pooling, @Classifier, @Details, @Seed, @Started, @DatasetVersionId, @Horizon,
        @IsScored, @Width, @Trees, @Divisor, @Steepness, @Expected, @RunId, @Version OUTPUT, @ExperimentId OUTPUT, @Said OUTPUT;

    SET @Said = COALESCE(@Said, LEFT(CONCAT(@ModelName, N' version ', @Version, N' cannot be scored with T-SQL alone: ', @Lacking,
        N' of its members have no rows. Call StoreModelNodes for them, then for the ensemble.'), 2000));
    EXECUTE internal.ReportStep @RunId, @Said;
    EXECUTE internal.ReportTraining @RunId, @ModelName, @Version, @ExperimentId, @Details;
    EXECUTE internal.EndRun @RunId;
END;
