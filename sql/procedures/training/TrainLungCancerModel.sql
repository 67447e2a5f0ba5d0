-- TrainLungCancerModel: trains a model on the pooled features of the labelled patients, measures it and stores it as a new version.
-- Example: EXECUTE dbo.TrainLungCancerModel @Algorithm = N'logistic', @Pooling = N'max';
CREATE OR ALTER PROCEDURE dbo.TrainLungCancerModel
    @ModelName NVARCHAR(128) = N'lightgbm_sql', -- name to store the model under; each run adds a version
    @Pooling NVARCHAR(32) = N'mean',       -- pooling of the features: mean, max, mean_max_std or pca1
    @NetworkName NVARCHAR(128) = NULL,     -- network of the features; NULL means any
    @Layer NVARCHAR(256) = NULL,           -- layer of the features; NULL means any
    @Preprocessing NVARCHAR(32) = NULL,    -- preprocessing of the features; NULL means any
    @Seed INT = 20170401,                  -- of folds, validation part, undersampling and LightGBM; 0 to 2147483647
    @ValidationFraction FLOAT = NULL,      -- share of the patients learnt from that is kept to stop early, 0.05 to 0.5; NULL means 0.2
    @LearningRate FLOAT = NULL,            -- shrinkage of each tree, 0.001 to 1; NULL means 0.05
    @NumLeaves INT = NULL,                 -- leaves of a tree, 2 to 1024; NULL means 7
    @MinDataInLeaf INT = NULL,             -- patients in a leaf at least, 1 to 10000; NULL means 10
    @MaxIterations INT = NULL,             -- trees at most, 1 to 10000; NULL means 500
    @EarlyStoppingRounds INT = NULL,       -- trees without a better validation loss before it stops, 1 to 1000; NULL means 50
    @Algorithm NVARCHAR(32) = N'lightgbm', -- lightgbm, logistic, random_forest, extra_trees or network
    @Folds INT = 5,                        -- folds of the cross-validation, 2 to 20; 0 means one validation part instead
    @Imbalance NVARCHAR(32) = N'none',     -- none; class_weight: both classes weigh the same; undersample: as many of each
    @Calibration NVARCHAR(32) = N'platt',  -- none, platt or isotonic, fitted on scores of patients that were not learnt from
    @L2 FLOAT = NULL,                      -- penalty of logistic, 0.000001 to 1000000; NULL means chosen by cross-validation
    @Hidden NVARCHAR(400) = NULL,          -- units of the hidden layers of network, with commas; NULL means 16
    @SkipMissing BIT = 0,                  -- 1 leaves out labelled patients without features; 0 refuses
    @Help BIT = 0                          -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.TrainLungCancerModel trains a model on the pooled features of the labelled patients'' primary scans.
The test patients are those of dbo.splits: training never sees their labels, and the test figures come from them alone.
With folds every other patient is scored by a model that has not seen it; the model stored has learnt from all of them.
Figures go to dbo.experiment_metrics, curves to dbo.experiment_curves, patients'' parts and scores to dbo.experiment_patients.
When several feature sets fit the parameters, the newest is taken, and a message says which.
Parameters:
    @ModelName NVARCHAR(128) = N''lightgbm_sql''  name to store the model under; each run adds a version
    @Pooling NVARCHAR(32) = N''mean''             pooling of the features: mean, max, mean_max_std or pca1
    @NetworkName NVARCHAR(128) = NULL           network of the features; NULL means any
    @Layer NVARCHAR(256) = NULL                 layer of the features; NULL means any
    @Preprocessing NVARCHAR(32) = NULL          preprocessing of the features; NULL means any
    @Seed INT = 20170401                        of folds, validation part, undersampling and LightGBM; 0 to 2147483647
    @ValidationFraction FLOAT = NULL            share of the patients learnt from that is kept to stop early, 0.05 to 0.5; NULL means 0.2
    @LearningRate FLOAT = NULL                  shrinkage of each tree, 0.001 to 1; NULL means 0.05
    @NumLeaves INT = NULL                       leaves of a tree, 2 to 1024; NULL means 7
    @MinDataInLeaf INT = NULL                   patients in a leaf at least, 1 to 10000; NULL means 10
    @MaxIterations INT = NULL                   trees at most, 1 to 10000; NULL means 500
    @EarlyStoppingRounds INT = NULL             trees without a better validation loss before it stops, 1 to 1000; NULL means 50
    @Algorithm NVARCHAR(32) = N''lightgbm''       lightgbm, logistic, random_forest, extra_trees or network
    @Folds INT = 5                              folds of the cross-validation, 2 to 20; 0 means one validation part instead
    @Imbalance NVARCHAR(32) = N''none''           none; class_weight: both classes weigh the same; undersample: as many of each
    @Calibration NVARCHAR(32) = N''platt''        none, platt or isotonic, fitted on scores of patients that were not learnt from
    @L2 FLOAT = NULL                            penalty of logistic, 0.000001 to 1000000; NULL means chosen by cross-validation
    @Hidden NVARCHAR(400) = NULL                units of the hidden layers of network, with commas; NULL means 16
    @SkipMissing BIT = 0                        1 leaves out labelled patients without features; 0 refuses
    @Help BIT = 0                               1 prints this help and does nothing else
Examples:
    EXECUTE dbo.TrainLungCancerModel;
    EXECUTE dbo.TrainLungCancerModel @ModelName = N''logistic_max'', @Algorithm = N''logistic'', @Pooling = N''max'';';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000), @FeatureSetId INT, @Width INT, @Parameters NVARCHAR(MAX), @Started DATETIME2(3) = SYSUTCDATETIME();
    DECLARE @Version INT, @ExperimentId INT, @Trees INT, @Divisor FLOAT, @Steepness FLOAT, @Scores NVARCHAR(MAX);
    DECLARE @Classifier VARBINARY(MAX), @Library NVARCHAR(32), @Details NVARCHAR(MAX), @ErrorNumber INT, @ErrorMessage NVARCHAR(2000);
    DECLARE @Language NVARCHAR(128), @RunId INT, @Said NVARCHAR(2000);
    EXECUTE internal.ReadSettings @Language OUTPUT;
    CREATE TABLE #patients (
        place INT IDENTITY(1, 1) NOT NULL PRIMARY KEY, patient_id NVARCHAR(64) COLLATE DATABASE_DEFAULT NOT NULL UNIQUE,
        scan_id INT NOT NULL, label TINYINT NOT NULL, part VARCHAR(10) NULL, vector_sha256 VARBINARY(32) NOT NULL);
    CREATE TABLE #result (
        place INT NULL, part VARCHAR(10) NULL, fold INT NULL, raw FLOAT NULL, probability FLOAT NULL, out_of_fold INT NULL);
    CREATE TABLE #figures (
        kind VARCHAR(10) NOT NULL, part VARCHAR(10) NOT NULL, name NVARCHAR(64) COLLATE DATABASE_DEFAULT NOT NULL,
        position INT NOT NULL, x FLOAT NULL, y FLOAT NULL, threshold FLOAT NULL);
    CREATE TABLE #given (
        tree INT NULL, node INT NULL, feature_index INT NULL, threshold FLOAT NULL, missing VARCHAR(4) NULL,
        default_left INT NULL, left_node INT NULL, right_node INT NULL, leaf_value FLOAT NULL);

    EXECUTE internal.CheckTrainingArguments @ModelName, @Algorithm, @Seed, @Folds, @ValidationFraction, @LearningRate, @NumLeaves,
        @MinDataInLeaf, @MaxIterations, @EarlyStoppingRounds, @L2, @Imbalance, @Calibration, @SkipMissing, @Parameters OUTPUT, @Hidden;
    EXECUTE internal.FindFeatureSet @NetworkName, @Layer, @Preprocessing, @Pooling, @FeatureSetId OUTPUT;
    EXECUTE internal.TakeTrainingPatients @FeatureSetId, @Pooling, @SkipMissing;
    SET @Width = (SELECT width FROM dbo.feature_sets WHERE feature_set_id = @FeatureSetId);
    EXECUTE internal.StartRun N'TrainLungCancerModel', @RunId OUTPUT;
    SET @Said = CONCAT(@ModelName, N': ', (SELECT COUNT(*) FROM #patients WHERE part = 'train'), N' patients to learn from, ',
        (SELECT COUNT(*) FROM #patients WHERE part = 'test'), N' held out for testing.');
    EXECUTE internal.ReportStep @RunId, @Said, 0, 3;

    INSERT INTO #result (place, part, fold, raw, probability, out_of_fold)
    EXECUTE sp_execute_external_script
        @language = @Language,
        @script = N'
def main(patients, width, parameters):
    from lungdb.procedures import train_lung_cancer_model
    return train_lung_cancer_model(patients, width, parameters)

OutputDataSet, Classifier, Library, Details, ErrorNumber, ErrorMessage = main(InputDataSet, Width, Parameters)
',
        @input_data_1 = N'
SELECT t.place, t.patient_id, t.part, CASE WHEN t.part = ''test'' THEN -1 ELSE CAST(t.label AS INT) END AS label, f.vector
FROM #patients AS t
INNER JOIN dbo.pooled_features AS f ON f.scan_id = t.scan_id AND f.vector_sha256 = t.vector_sha256
WHERE f.feature_set_id = @FeatureSetId AND f.pooling = @Pooling
ORDER BY t.patient_id;',
        @params = N'@FeatureSetId INT, @Pooling NVARCHAR(32), @Width INT, @Parameters NVARCHAR(MAX), @Classifier VARBINARY(MAX) OUTPUT,
            @Library NVARCHAR(32) OUTPUT, @Details NVARCHAR(MAX) OUTPUT, @ErrorNumber INT OUTPUT, @ErrorMessage NVARCHAR(2000) OUTPUT',
        @FeatureSetId = @FeatureSetId, @Pooling = @Pooling, @Width = @Width, @Parameters = @Parameters, @Classifier = @Classifier OUTPUT,
        @Library = @Library OUTPUT, @Details = @Details OUTPUT, @ErrorNumber = @ErrorNumber OUTPUT, @ErrorMessage = @ErrorMessage OUTPUT;
    IF @ErrorNumber <> 0
        EXECUTE internal.EndRun @RunId, 0, @ErrorMessage;
    IF @ErrorNumber <> 0
    BEGIN
        SET @Message = REPLACE(@ErrorMessage, N'%', N'%%');
        THROW @ErrorNumber, @Message, 1;
    END;

    EXECUTE internal.CheckTrainedPatients @RunId, @FeatureSetId, @Pooling;
    EXECUTE internal.ReportStep @RunId, N'Trained; measuring.', 1, 3;
    EXECUTE internal.MeasureExperiment @RunId, @Seed, @Details;
    EXECUTE internal.ReadModelNodes @FeatureSetId, @Pooling, @Classifier, @Library, @Details, @Width OUTPUT, @Trees OUTPUT,
        @Divisor OUTPUT, @Steepness OUTPUT, @Scores OUTPUT, @RunId;
    EXECUTE internal.ReportStep @RunId, N'Measured; storing.', 2, 3;

    -- No script runs in here, so that no lock waits for one; what there is to say is said afterwards.
    BEGIN TRANSACTION;
    EXECUTE internal.StoreExperiment @ModelName, @Library, @FeatureSetId, @Pooling, @Classifier, @Details, @Seed, @Started,
        @Version OUTPUT, @ExperimentId OUTPUT;
    EXECUTE internal.StoreNodes @ModelName, @Version, @Width, @Trees, @Divisor, @Steepness, @Scores, @Said OUTPUT;
    COMMIT TRANSACTION;

    EXECUTE internal.ReportStep @RunId, @Said;
    EXECUTE internal.ReportTraining @RunId, @ModelName, @Version, @ExperimentId, @Details;
    EXECUTE internal.EndRun @RunId;
END;
