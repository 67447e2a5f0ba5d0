-- TrainModel: trains a model, measures it and stores it with its run; the arguments have been checked.
-- Called by TrainLungCancerModel.
CREATE OR ALTER PROCEDURE internal.TrainModel
    @ModelName NVARCHAR(128),       -- name to store the model under
    @Pooling NVARCHAR(32),          -- pooling of the features, or NULL
    @NetworkName NVARCHAR(128),     -- network of the features, or NULL
    @Layer NVARCHAR(256),           -- layer of the features, or NULL
    @Preprocessing NVARCHAR(32),    -- preprocessing of the features, or NULL
    @Seed INT,                      -- seed of the run
    @SkipMissing BIT,               -- 1 leaves out labelled patients without features
    @Parameters NVARCHAR(MAX),      -- what train_lung_cancer_model is given, JSON
    @Features NVARCHAR(MAX),        -- several features with semicolons between, none, or NULL for those of the parameters before
    @Columns NVARCHAR(MAX),         -- columns beside them with commas between, or NULL
    @ColumnsFrom NVARCHAR(257),     -- view or table that has them, or NULL for dbo.scan_columns
    @Dataset NVARCHAR(128),         -- data set of scans, or NULL for the primary scans of all patients
    @DatasetVersion INT,            -- its version, or NULL for the newest
    @Horizon INT,                   -- horizon of the labels in days, or NULL for those of patients
    @PositiveFrom INT,              -- labels from this one on are positive, or NULL
    @Task NVARCHAR(32)              -- classification or regression
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @FeatureSetId INT, @Width INT, @Started DATETIME2(3) = SYSUTCDATETIME();
    DECLARE @Version INT, @ExperimentId INT, @Trees INT, @Divisor FLOAT, @Steepness FLOAT, @Scores NVARCHAR(MAX);
    DECLARE @Classifier VARBINARY(MAX), @Library NVARCHAR(32), @Details NVARCHAR(MAX), @ErrorNumber INT, @ErrorMessage NVARCHAR(2000);
    DECLARE @Language NVARCHAR(128), @RunId INT, @Said NVARCHAR(2000), @DatasetVersionId INT, @Names NVARCHAR(MAX), @IsNew BIT;
    DECLARE @ClassifierId INT, @CpuSeconds FLOAT, @PeakMegabytes FLOAT, @Scans INT, @Arguments NVARCHAR(4000);
    EXECUTE internal.ReadSettings @Language OUTPUT;
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

    SET @Task = LOWER(@Task);
    EXECUTE internal.CheckTask @ModelName, @Task;
    EXECUTE internal.FindScansOfDataset @Dataset, @DatasetVersion, @DatasetVersionId OUTPUT;
    EXECUTE internal.ChooseFeatures @ModelName, @NetworkName, @Layer, @Preprocessing, @Features, @Columns, @ColumnsFrom, @Pooling OUTPUT,
        @FeatureSetId OUTPUT, @IsNew OUTPUT;
    BEGIN TRY
        EXECUTE internal.CheckNoisyOr @Parameters, @Pooling;
        EXECUTE internal.TakeTrainingPatients @FeatureSetId, @Pooling, @SkipMissing, @DatasetVersionId, @Horizon, @PositiveFrom,
            @Task;
    END TRY
    BEGIN CATCH
        IF @@TRANCOUNT > 0
            ROLLBACK TRANSACTION;
        EXECUTE internal.DropCombined @FeatureSetId, @IsNew;
        THROW;
    END CATCH;
    EXECUTE internal.NameFeatures @FeatureSetId, @Pooling, @Width OUTPUT, @Names OUTPUT;
    SET @Arguments = JSON_MODIFY(JSON_MODIFY(JSON_MODIFY(JSON_MODIFY(JSON_MODIFY(JSON_MODIFY(JSON_MODIFY(N'{}', N'$.model', @ModelName),
        N'$.task', @Task), N'$.feature_set_id', @FeatureSetId), N'$.pooling', @Pooling), N'$.dataset', @Dataset), N'$.horizon', @Horizon),
        N'$.seed', @Seed);
    EXECUTE internal.StartRun N'TrainLungCancerModel', @RunId OUTPUT, @Arguments;
    SET @Scans = (SELECT COUNT(*) FROM #patients);
    SET @Said = CONCAT(@ModelName, N': ', (SELECT COUNT(DISTINCT patient_id) FROM #patients WHERE part = 'train'),
        N' patients to learn from, ', (SELECT COUNT(DISTINCT patient_id) FROM #patients WHERE part = 'test'), N' held out for testing',
        (SELECT IIF(COUNT(*) > COUNT(DISTINCT patient_id), CONCAT(N', with ', COUNT(*), N' scans'), N'') FROM #patients), N'.');
    EXECUTE internal.ReportStep @RunId, @Said, 0, 3;

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
SELECT t.place, t.patient_id, t.part, CASE WHEN t.part = ''test'' THEN -1 ELSE COALESCE(CAST(t.label AS INT), -1) END AS label,
    CASE WHEN t.part <> ''test'' THEN t.target END AS target, f.vector
FROM #patients AS t
INNER JOIN dbo.pooled_features AS f ON f.scan_id = t.scan_id AND f.vector_sha256 = t.vector_sha256
WHERE f.feature_set_id = @FeatureSetId AND f.pooling = @Pooling
ORDER BY t.patient_id, t.scan_id;',
        @params = N'@FeatureSetId INT, @Pooling NVARCHAR(32), @Width INT, @Parameters NVARCHAR(MAX), @Names NVARCHAR(MAX),
            @Classifier VARBINARY(MAX) OUTPUT, @Library NVARCHAR(32) OUTPUT, @Details NVARCHAR(MAX) OUTPUT,
            @ErrorNumber INT OUTPUT, @ErrorMessage NVARCHAR(2000) OUTPUT, @CpuSeconds FLOAT OUTPUT, @PeakMegabytes FLOAT OUTPUT',
        @FeatureSetId = @FeatureSetId, @Pooling = @Pooling, @Width = @Width, @Parameters = @Parameters, @Names = @Names,
        @Classifier = @Classifier OUTPUT, @Library = @Library OUTPUT, @Details = @Details OUTPUT,
        @ErrorNumber = @ErrorNumber OUTPUT, @ErrorMessage = @ErrorMessage OUTPUT,
        @CpuSeconds = @CpuSeconds OUTPUT, @PeakMegabytes = @PeakMegabytes OUTPUT;
    IF @ErrorNumber <> 0
        EXECUTE internal.EndRun @RunId, 0, @ErrorMessage;
    IF @ErrorNumber <> 0
        EXECUTE internal.DropCombined @FeatureSetId, @IsNew;
    IF @ErrorNumber <> 0
    BEGIN
        SET @Message = REPLACE(@ErrorMessage, N'%', N'%%');
        THROW @ErrorNumber, @Message, 1;
    END;

    EXECUTE internal.CheckTrainedPatients @RunId, @FeatureSetId, @Pooling;
    EXECUTE internal.ReportStep @RunId, N'Trained; measuring.', 1, 3, @Scans, NULL, NULL, @CpuSeconds, @PeakMegabytes;
    EXECUTE internal.MeasureExperiment @RunId, @Seed, @Details;
    IF @Library <> N'onnx'
        EXECUTE internal.ReadModelNodes @FeatureSetId, @Pooling, @Classifier, @Library, @Details, @Width OUTPUT, @Trees OUTPUT,
            @Divisor OUTPUT, @Steepness OUTPUT, @Scores OUTPUT, @RunId;
    INSERT INTO #taught (scan_id, patient_id, is_held_out)
    SELECT scan_id, patient_id, CASE part WHEN 'test' THEN 1 ELSE 0 END FROM #patients WHERE part IN ('train', 'test');
    EXECUTE internal.FitScope @FeatureSetId, @Pooling;
    EXECUTE internal.ReportStep @RunId, N'Measured; storing.', 2, 3;

    IF @PositiveFrom IS NOT NULL
        SET @Details = JSON_MODIFY(@Details, N'$.parameters.positive_from', @PositiveFrom);
    -- No script runs in here, so that no lock waits for one; what there is to say is said afterwards.
    BEGIN TRY
        BEGIN TRANSACTION;
        EXECUTE internal.StoreExperiment @ModelName, @Library, @FeatureSetId, @Pooling, @Classifier, @Details, @Seed, @Started,
            @DatasetVersionId, @Horizon, @Version OUTPUT, @ExperimentId OUTPUT, @Task;
        SET @ClassifierId = (SELECT classifier_id FROM dbo.experiments WHERE experiment_id = @ExperimentId);
        EXECUTE internal.StoreScope @ClassifierId;
        IF @Library <> N'onnx'
            EXECUTE internal.StoreNodes @ModelName, @Version, @Width, @Trees, @Divisor, @Steepness, @Scores, @Said OUTPUT;
        ELSE
            SET @Said = CONCAT(@ModelName, N' version ', @Version, N' is a graph in ONNX, which plain T-SQL cannot score.');
        COMMIT TRANSACTION;
    END TRY
    BEGIN CATCH
        IF @@TRANCOUNT > 0
            ROLLBACK TRANSACTION;
        SET @Message = ERROR_MESSAGE();
        EXECUTE internal.EndRun @RunId, 0, @Message;
        THROW;
    END CATCH;

    EXECUTE internal.ReportStep @RunId, @Said;
    EXECUTE internal.ReportTraining @RunId, @ModelName, @Version, @ExperimentId, @Details;
    EXECUTE internal.EndRun @RunId;
END;
