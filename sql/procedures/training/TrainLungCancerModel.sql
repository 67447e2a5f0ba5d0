-- TrainLungCancerModel: trains a model on the pooled features of the labelled patients, measures it and stores it as a new version.
-- Example: EXECUTE dbo.TrainLungCancerModel @Algorithm = N'logistic', @Pooling = N'max';
CREATE OR ALTER PROCEDURE dbo.TrainLungCancerModel
    @ModelName NVARCHAR(128) = N'lightgbm_sql', -- name to store the model under; each run adds a version
    @Pooling NVARCHAR(32) = NULL,          -- pooling of the features, such as max; NULL means as served, else mean
    @NetworkName NVARCHAR(128) = NULL,     -- network of the features; NULL means as served, else default_network
    @Layer NVARCHAR(256) = NULL,           -- layer of the features; NULL means as served, else penultimate
    @Preprocessing NVARCHAR(32) = NULL,    -- preprocessing of the features; NULL means as served, else lung
    @Seed INT = 20170401,                  -- of folds, parts and algorithm; 0 to 2147483647
    @ValidationFraction FLOAT = NULL,      -- share of the patients kept to stop early, 0.05 to 0.5; NULL means 0.2
    @LearningRate FLOAT = NULL,            -- shrinkage of each tree, 0.001 to 1; NULL means 0.05
    @NumLeaves INT = NULL,                 -- leaves of a tree, 2 to 1024; NULL means 7
    @MinDataInLeaf INT = NULL,             -- patients in a leaf at least, 1 to 10000; NULL means 10
    @MaxIterations INT = NULL,             -- trees at most, 1 to 10000; NULL means 500
    @EarlyStoppingRounds INT = NULL,       -- trees without a better loss before it stops, 1 to 1000; NULL means 50
    @Algorithm NVARCHAR(32) = N'lightgbm', -- lightgbm, logistic, random_forest, extra_trees, network, noisy_or, ensemble, a package's
    @Folds INT = 5,                        -- folds of the cross-validation, 2 to 20; 0 means one validation part instead
    @Imbalance NVARCHAR(32) = N'none',     -- none; class_weight: both classes weigh the same; undersample: as many of each
    @Calibration NVARCHAR(32) = N'platt',  -- none, platt or isotonic, fitted on patients not learnt from
    @L2 FLOAT = NULL,                      -- penalty of logistic or network, 0.000001 to 1000000; NULL chooses it
    @Hidden NVARCHAR(400) = NULL,          -- hidden units of network, with commas; NULL means 16
    @Members NVARCHAR(MAX) = NULL,         -- members of ensemble: name:version, with commas
    @SkipMissing BIT = 0,                  -- 1 leaves out labelled patients without features; 0 refuses
    @Features NVARCHAR(MAX) = NULL,        -- several features: network/layer/preprocessing/pooling; …, or none; NULL means those above
    @Columns NVARCHAR(MAX) = NULL,         -- columns beside them, with commas between, such as age, sex
    @ColumnsFrom NVARCHAR(257) = NULL,     -- view or table with these columns and a scan_id; NULL means dbo.scan_columns
    @Dataset NVARCHAR(128) = NULL,         -- data set of scans to train on; NULL means the primary scans of all patients
    @DatasetVersion INT = NULL,            -- its version; NULL means the newest
    @Horizon INT = NULL,                   -- days: labels of dbo.scan_labels within them; NULL means those of patients in dbo.labels
    @PositiveFrom INT = NULL,              -- labels from this one on are positive, 1 to 255; NULL means labels are 0 and 1
    @Task NVARCHAR(32) = N'classification', -- classification, or regression: a number of dbo.numeric_labels
    @AlgorithmParameters NVARCHAR(MAX) = NULL, -- JSON, of an algorithm of a package
    @Help BIT = 0                          -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.TrainLungCancerModel trains a model on pooled features of the labelled patients'' primary scans, or of a data set.
The test patients of dbo.splits have no part in it, and test figures come from them alone. With folds every other patient is
scored by a model that has not seen him.
Unless named, features are those of the version served, else of the setting default_network, else the only ones.
Only trees take NULL columns.
PromoteModel alone changes which version is served.
Parameters:
    @ModelName NVARCHAR(128) = N''lightgbm_sql''  name to store the model under; each run adds a version
    @Pooling NVARCHAR(32) = NULL                pooling of the features, such as max; NULL means as served, else mean
    @NetworkName NVARCHAR(128) = NULL           network of the features; NULL means as served, else default_network
    @Layer NVARCHAR(256) = NULL                 layer of the features; NULL means as served, else penultimate
    @Preprocessing NVARCHAR(32) = NULL          preprocessing of the features; NULL means as served, else lung
    @Seed INT = 20170401                        of folds, parts and algorithm; 0 to 2147483647
    @ValidationFraction FLOAT = NULL            share of the patients kept to stop early, 0.05 to 0.5; NULL means 0.2
    @LearningRate FLOAT = NULL                  shrinkage of each tree, 0.001 to 1; NULL means 0.05
    @NumLeaves INT = NULL                       leaves of a tree, 2 to 1024; NULL means 7
    @MinDataInLeaf INT = NULL                   patients in a leaf at least, 1 to 10000; NULL means 10
    @MaxIterations INT = NULL                   trees at most, 1 to 10000; NULL means 500
    @EarlyStoppingRounds INT = NULL             trees without a better loss before it stops, 1 to 1000; NULL means 50
    @Algorithm NVARCHAR(32) = N''lightgbm''       lightgbm, logistic, random_forest, extra_trees, network, noisy_or, ensemble, a package''s
    @Folds INT = 5                              folds of the cross-validation, 2 to 20; 0 means one validation part instead
    @Imbalance NVARCHAR(32) = N''none''           none; class_weight: both classes weigh the same; undersample: as many of each
    @Calibration NVARCHAR(32) = N''platt''        none, platt or isotonic, fitted on patients not learnt from
    @L2 FLOAT = NULL                            penalty of logistic or network, 0.000001 to 1000000; NULL chooses it
    @Hidden NVARCHAR(400) = NULL                hidden units of network, with commas; NULL means 16
    @Members NVARCHAR(MAX) = NULL               members of ensemble: name:version, with commas
    @SkipMissing BIT = 0                        1 leaves out labelled patients without features; 0 refuses
    @Features NVARCHAR(MAX) = NULL              several features: network/layer/preprocessing/pooling; …, or none; NULL means those above
    @Columns NVARCHAR(MAX) = NULL               columns beside them, with commas between, such as age, sex
    @ColumnsFrom NVARCHAR(257) = NULL           view or table with these columns and a scan_id; NULL means dbo.scan_columns
    @Dataset NVARCHAR(128) = NULL               data set of scans to train on; NULL means the primary scans of all patients
    @DatasetVersion INT = NULL                  its version; NULL means the newest
    @Horizon INT = NULL                         days: labels of dbo.scan_labels within them; NULL means those of patients in dbo.labels
    @PositiveFrom INT = NULL                    labels from this one on are positive, 1 to 255; NULL means labels are 0 and 1
    @Task NVARCHAR(32) = N''classification''      classification, or regression: a number of dbo.numeric_labels
    @AlgorithmParameters NVARCHAR(MAX) = NULL   JSON, of an algorithm of a package
    @Help BIT = 0                               1 prints this help and does nothing else
Examples:
    EXECUTE dbo.TrainLungCancerModel @Algorithm = N''logistic'', @Pooling = N''max'';
    EXECUTE dbo.TrainLungCancerModel @Features = N''layer2/mean; pool5/max'', @Columns = N''age, sex'';';
        RETURN 0;
    END;

    DECLARE @Parameters NVARCHAR(MAX);
    EXECUTE internal.CheckTrainingArguments @ModelName, @Algorithm, @Seed, @Folds, @ValidationFraction, @LearningRate, @NumLeaves,
        @MinDataInLeaf, @MaxIterations, @EarlyStoppingRounds, @L2, @Imbalance, @Calibration, @SkipMissing, @Parameters OUTPUT, @Hidden,
        @Members, @Task, @AlgorithmParameters;
    IF @Algorithm = N'ensemble'
    BEGIN
        EXECUTE internal.RefuseEnsembleData @Pooling, @NetworkName, @Layer, @Preprocessing, @Features, @Columns, @ColumnsFrom, @Dataset,
            @DatasetVersion, @Horizon, @PositiveFrom;
        EXECUTE dbo.CreateEnsemble @ModelName, @Members, @Seed;
        RETURN 0;
    END;
    EXECUTE internal.CheckTrainingData @NetworkName, @Layer, @Preprocessing, @Features, @Columns, @ColumnsFrom, @Horizon, @PositiveFrom,
        @Task;
    EXECUTE internal.TrainModel @ModelName, @Pooling, @NetworkName, @Layer, @Preprocessing, @Seed, @SkipMissing, @Parameters,
        @Features, @Columns, @ColumnsFrom, @Dataset, @DatasetVersion, @Horizon, @PositiveFrom, @Task;
END;
