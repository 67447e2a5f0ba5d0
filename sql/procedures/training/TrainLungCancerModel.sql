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
    @Algorithm NVARCHAR(32) = N'lightgbm', -- lightgbm, or logistic: regularised logistic regression
    @Folds INT = 5,                        -- folds of the cross-validation, 2 to 20; 0 means one validation part instead
    @Imbalance NVARCHAR(32) = N'none',     -- none; class_weight: both classes weigh the same; undersample: as many of each
    @Calibration NVARCHAR(32) = N'platt',  -- none, platt or isotonic, fitted on scores of patients that were not learnt from
    @L2 FLOAT = NULL,                      -- penalty of logistic, 0.000001 to 1000000; NULL means chosen by cross-validation
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
    @Algorithm NVARCHAR(32) = N''lightgbm''       lightgbm, or logistic: regularised logistic regression
    @Folds INT = 5                              folds of the cross-validation, 2 to 20; 0 means one validation part instead
    @Imbalance NVARCHAR(32) = N''none''           none; class_weight: both classes weigh the same; undersample: as many of each
    @Calibration NVARCHAR(32) = N''platt''        none, platt or isotonic, fitted on scores of patients that were not learnt from
    @L2 FLOAT = NULL                            penalty of logistic, 0.000001 to 1000000; NULL means chosen by cross-validation
    @SkipMissing BIT = 0                        1 leaves out labelled patients without features; 0 refuses
    @Help BIT = 0                               1 prints this help and does nothing else
Examples:
    EXECUTE dbo.TrainLungCancerModel;
    EXECUTE dbo.TrainLungCancerModel @ModelName = N''logistic_max'', @Algorithm = N''logistic'', @Pooling = N''max'';';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000), @FeatureSetId INT, @Width INT, @Parameters NVARCHAR(MAX), @Started DATETIME2(3) = SYSUTCDATETIME();
    DECLARE @Version INT, @ExperimentId INT, @Champion INT, @Patients INT, @Figures NVARCHAR(1000);
    DECLARE @Classifier VARBINARY(MAX), @Library NVARCHAR(32), @Details NVARCHAR(MAX), @ErrorNumber INT, @ErrorMessage NVARCHAR(2000);
    DECLARE @Language NVARCHAR(128);
    EXECUTE internal.ReadSettings @Language OUTPUT;
    CREATE TABLE #patients (
        patient_id NVARCHAR(64) COLLATE DATABASE_DEFAULT NOT NULL PRIMARY KEY, scan_id INT NOT NULL, label TINYINT NOT NULL,
        part VARCHAR(10) NULL, vector_sha256 VARBINARY(32) NOT NULL);
    CREATE TABLE #result (
        patient_id NVARCHAR(64) COLLATE DATABASE_DEFAULT NOT NULL PRIMARY KEY, part VARCHAR(10) NOT NULL, fold INT NOT NULL,
        raw FLOAT NOT NULL, probability FLOAT NOT NULL, out_of_fold INT NOT NULL);

    EXECUTE internal.CheckTrainingArguments @ModelName, @Algorithm, @Seed, @Folds, @ValidationFraction, @LearningRate, @NumLeaves,
        @MinDataInLeaf, @MaxIterations, @EarlyStoppingRounds, @L2, @Imbalance, @Calibration, @SkipMissing, @Parameters OUTPUT;
    EXECUTE internal.FindFeatureSet @NetworkName, @Layer, @Preprocessing, @Pooling, @FeatureSetId OUTPUT;
    EXECUTE internal.TakeTrainingPatients @FeatureSetId, @Pooling, @SkipMissing;
    SET @Width = (SELECT width FROM dbo.feature_sets WHERE feature_set_id = @FeatureSetId);

    INSERT INTO #result (patient_id, part, fold, raw, probability, out_of_fold)
    EXECUTE sp_execute_external_script
        @language = @Language,
        @script = N'
def main(patients, width, parameters):
    from lungdb.procedures import train_lung_cancer_model
    return train_lung_cancer_model(patients, width, parameters)

OutputDataSet, Classifier, Library, Details, ErrorNumber, ErrorMessage = main(InputDataSet, Width, Parameters)
',
        @input_data_1 = N'
SELECT t.patient_id, t.part, CASE WHEN t.part = ''test'' THEN -1 ELSE CAST(t.label AS INT) END AS label, f.vector
FROM #patients AS t
INNER JOIN dbo.pooled_features AS f ON f.scan_id = t.scan_id
WHERE f.feature_set_id = @FeatureSetId AND f.pooling = @Pooling
ORDER BY t.patient_id;',
        @params = N'@FeatureSetId INT, @Pooling NVARCHAR(32), @Width INT, @Parameters NVARCHAR(MAX), @Classifier VARBINARY(MAX) OUTPUT,
            @Library NVARCHAR(32) OUTPUT, @Details NVARCHAR(MAX) OUTPUT, @ErrorNumber INT OUTPUT, @ErrorMessage NVARCHAR(2000) OUTPUT',
        @FeatureSetId = @FeatureSetId, @Pooling = @Pooling, @Width = @Width, @Parameters = @Parameters, @Classifier = @Classifier OUTPUT,
        @Library = @Library OUTPUT, @Details = @Details OUTPUT, @ErrorNumber = @ErrorNumber OUTPUT, @ErrorMessage = @ErrorMessage OUTPUT;
    IF @ErrorNumber <> 0
    BEGIN
        SET @Message = REPLACE(@ErrorMessage, N'%', N'%%');
        THROW @ErrorNumber, @Message, 1;
    END;

    BEGIN TRANSACTION;
    EXECUTE internal.StoreExperiment @ModelName, @Library, @FeatureSetId, @Pooling, @Classifier, @Details, @Seed, @Started,
        @Version OUTPUT, @ExperimentId OUTPUT;
    EXECUTE internal.MeasureExperiment @ExperimentId;
    EXECUTE dbo.StoreModelNodes @ModelName, @Version;
    COMMIT TRANSACTION;

    SET @Patients = (SELECT COUNT(*) FROM #result);
    SET @Figures = (
        SELECT STRING_AGG(CONCAT(f.name, COALESCE(LTRIM(STR(m.value, 10, 3)), N'not defined')), N'') WITHIN GROUP (ORDER BY f.position)
        FROM (VALUES (1, N'auc', N'AUC '), (2, N'auc_low', N' (95 % interval '), (3, N'auc_high', N' to '),
            (4, N'log_loss', N'), log loss '), (5, N'log_loss_constant', N' (constant prediction '),
            (6, N'brier', N'), Brier score ')) AS f (position, metric, name)
        INNER JOIN dbo.experiment_metrics AS m ON m.metric = f.metric
        WHERE m.experiment_id = @ExperimentId AND m.part = 'test');
    RAISERROR(N'%s version %d is trained on %d patients and stored. On the test patients: %s.', 0, 1, @ModelName, @Version, @Patients,
        @Figures) WITH NOWAIT;
    SET @Message = (SELECT STRING_AGG(value, N' ') FROM OPENJSON(@Details, N'$.notes'));
    IF @Message IS NOT NULL
        RAISERROR(N'%s', 0, 1, @Message) WITH NOWAIT;
    SET @Champion = (
        SELECT c.version
        FROM dbo.champions AS ch
        INNER JOIN dbo.classifiers AS c ON c.classifier_id = ch.classifier_id
        WHERE ch.name = @ModelName);
    IF @Champion IS NOT NULL
        RAISERROR(N'The champion of %s is still version %d; PromoteModel makes another the champion.', 0, 1, @ModelName, @Champion)
            WITH NOWAIT;
END;
