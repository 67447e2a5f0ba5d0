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

    DECLARE @Parameters NVARCHAR(MAX);
    EXECUTE internal.CheckTrainingArguments @ModelName, @Algorithm, @Seed, @Folds, @ValidationFraction, @LearningRate, @NumLeaves,
        @MinDataInLeaf, @MaxIterations, @EarlyStoppingRounds, @L2, @Imbalance, @Calibration, @SkipMissing, @Parameters OUTPUT, @Hidden;
    EXECUTE internal.TrainModel @ModelName, @Pooling, @NetworkName, @Layer, @Preprocessing, @Seed, @SkipMissing, @Parameters;
END;
