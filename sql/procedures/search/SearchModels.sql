-- SearchModels: makes a search for the best algorithm, settings, poolings and layers of a model: a queue of trials that RunSearch drains.
-- Example: EXECUTE dbo.SearchModels @ModelName = N'best', @Trials = 50;
CREATE OR ALTER PROCEDURE dbo.SearchModels
    @ModelName NVARCHAR(128) = N'lightgbm_sql', -- name to store the best model under, as a new version
    @Method NVARCHAR(32) = N'random',      -- random: drawn by the seed; grid: every combination
    @Trials INT = NULL,                    -- trials of random, 1 to 10000; NULL means 200
    @Poolings NVARCHAR(400) = NULL,        -- poolings to try, with commas between; NULL means all that there are features of
    @NetworkName NVARCHAR(128) = NULL,     -- network of the features; NULL means that of the version served, else of default_network
    @Layers NVARCHAR(MAX) = NULL,          -- layers to try, with commas between; NULL means all that there are features of
    @Preprocessing NVARCHAR(32) = NULL,    -- preprocessing of the features; NULL means any
    @Space NVARCHAR(MAX) = NULL,           -- settings to try, JSON; NULL means those below
    @Metric NVARCHAR(32) = N'auc',         -- auc or log_loss of the held-out training patients, by which the best is chosen
    @Folds INT = 5,                        -- folds of each trial's cross-validation, 2 to 20
    @Seed INT = 20170401,                  -- of the draw, the folds and the algorithm; 0 to 2147483647
    @Halving INT = 1,                      -- rungs of successive halving, 1 (none) to 5; each has three times the trees of the one before
    @SkipMissing BIT = 0,                  -- 1 leaves out labelled patients without features; 0 refuses
    @SearchId INT = NULL OUTPUT,           -- number of the search, for RunSearch
    @Features NVARCHAR(MAX) = NULL,        -- features to choose among, with | between; NULL means those above
    @Columns NVARCHAR(MAX) = NULL,         -- columns, with commas between; all are tried without them and with them beside
    @ColumnsFrom NVARCHAR(257) = NULL,     -- view or table with these columns and a scan_id; NULL means dbo.scan_columns
    @Dataset NVARCHAR(128) = NULL,         -- data set of scans to search on; NULL means the primary scans of all patients
    @DatasetVersion INT = NULL,            -- its version; NULL means the newest, which the search keeps
    @Horizon INT = NULL,                   -- days: labels of dbo.scan_labels within them; NULL means those of patients in dbo.labels
    @PositiveFrom INT = NULL,              -- labels from this one on are positive, 1 to 255; NULL means labels are 0 and 1
    @Help BIT = 0                          -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.SearchModels makes a search for the best algorithm, settings, poolings and layers of a model: rows of dbo.search_trials.
RunSearch on any number of connections, or lungdb search, tries them and trains the best. Test patients have no part in it.
The same seed, features and arguments give the same trials. With @Halving = 3 all trials get a ninth of their trees, the
best third of them a third, the best ninth all. A data set, its version and a horizon are as of TrainLungCancerModel.
With @Features each choice is a list as TrainLungCancerModel takes it, the name of a combined set, or none for columns alone.
@Space gives each setting a list of values, or for random a range: {"num_leaves": [3, 7], "learning_rate": {"low": 0.01,
"high": 0.3, "log": true}}. The settings are learning_rate, num_leaves, min_data_in_leaf, max_iterations, early_stopping_rounds,
validation_fraction and imbalance, as of TrainLungCancerModel. NULL means for random learning_rate 0.01 to 0.3, num_leaves 3 to
31 and min_data_in_leaf 3 to 30, all log; for grid learning_rate 0.02, 0.05, 0.1, num_leaves 3, 7, 15, min_data_in_leaf 5, 10, 20.
Parameters:
    @ModelName NVARCHAR(128) = N''lightgbm_sql''  name to store the best model under, as a new version
    @Method NVARCHAR(32) = N''random''            random: drawn by the seed; grid: every combination
    @Trials INT = NULL                          trials of random, 1 to 10000; NULL means 200
    @Poolings NVARCHAR(400) = NULL              poolings to try, with commas between; NULL means all that there are features of
    @NetworkName NVARCHAR(128) = NULL           network of the features; NULL means that of the version served, else of default_network
    @Layers NVARCHAR(MAX) = NULL                layers to try, with commas between; NULL means all that there are features of
    @Preprocessing NVARCHAR(32) = NULL          preprocessing of the features; NULL means any
    @Space NVARCHAR(MAX) = NULL                 settings to try, JSON; NULL means those below
    @Metric NVARCHAR(32) = N''auc''               auc or log_loss of the held-out training patients, by which the best is chosen
    @Folds INT = 5                              folds of each trial''s cross-validation, 2 to 20
    @Seed INT = 20170401                        of the draw, the folds and the algorithm; 0 to 2147483647
    @Halving INT = 1                            rungs of successive halving, 1 (none) to 5; each has three times the trees of the one before
    @SkipMissing BIT = 0                        1 leaves out labelled patients without features; 0 refuses
    @SearchId INT = NULL OUTPUT                 number of the search, for RunSearch
    @Features NVARCHAR(MAX) = NULL              features to choose among, with | between; NULL means those above
    @Columns NVARCHAR(MAX) = NULL               columns, with commas between; all are tried without them and with them beside
    @ColumnsFrom NVARCHAR(257) = NULL           view or table with these columns and a scan_id; NULL means dbo.scan_columns
    @Dataset NVARCHAR(128) = NULL               data set of scans to search on; NULL means the primary scans of all patients
    @DatasetVersion INT = NULL                  its version; NULL means the newest, which the search keeps
    @Horizon INT = NULL                         days: labels of dbo.scan_labels within them; NULL means those of patients in dbo.labels
    @PositiveFrom INT = NULL                    labels from this one on are positive, 1 to 255; NULL means labels are 0 and 1
    @Help BIT = 0                               1 prints this help and does nothing else
Examples:
    EXECUTE dbo.SearchModels @ModelName = N''best'', @Trials = 50, @Poolings = N''mean,max'';
    EXECUTE dbo.SearchModels @Dataset = N''thin'', @Features = N''mean | mean; max | thirds'', @Columns = N''age, sex'';';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000), @ErrorNumber INT, @ErrorMessage NVARCHAR(2000), @Count INT, @Matrices INT, @DatasetVersionId INT,
        @Settings NVARCHAR(MAX);
    DECLARE @Wanted INT = COALESCE(@Trials, 200);
    DECLARE @Language NVARCHAR(128);
    EXECUTE internal.ReadSettings @Language OUTPUT;
    CREATE TABLE #matrices (
        matrix INT NULL, feature_set_id INT NOT NULL, pooling NVARCHAR(32) COLLATE DATABASE_DEFAULT NOT NULL,
        network_name NVARCHAR(128) COLLATE DATABASE_DEFAULT NULL, layer NVARCHAR(256) COLLATE DATABASE_DEFAULT NULL,
        is_new BIT NOT NULL DEFAULT 0, negatives INT NULL, positives INT NULL, only_negatives INT NULL, scans INT NULL,
        lacking INT NULL, PRIMARY KEY (feature_set_id, pooling));
    CREATE TABLE #patients (
        place INT IDENTITY(1, 1) NOT NULL PRIMARY KEY, patient_id NVARCHAR(64) COLLATE DATABASE_DEFAULT NOT NULL,
        scan_id INT NOT NULL UNIQUE, label TINYINT NULL, target FLOAT NULL, part VARCHAR(10) COLLATE DATABASE_DEFAULT NULL,
        vector_sha256 VARBINARY(32) NOT NULL);
    CREATE TABLE #trials (candidate INT NULL, matrix INT NULL, parameters NVARCHAR(MAX) COLLATE DATABASE_DEFAULT NULL);

    EXECUTE internal.CheckSearchArguments @ModelName, @Method, @Trials, @Metric, @Folds, @Seed, @Halving, @SkipMissing,
        @NetworkName, @Layers, @Preprocessing, @Features;
    EXECUTE internal.CheckTask @ModelName, 'classification';
    EXECUTE internal.CheckTrainingData NULL, NULL, NULL, @Features, @Columns, @ColumnsFrom, @Horizon, @PositiveFrom,
        N'classification';
    EXECUTE internal.FindScansOfDataset @Dataset, @DatasetVersion, @DatasetVersionId OUTPUT;
    DECLARE @RunId INT, @Arguments NVARCHAR(4000) = JSON_MODIFY(JSON_MODIFY(JSON_MODIFY(N'{}', N'$.model', @ModelName), N'$.method',
        @Method), N'$.dataset', @Dataset);
    EXECUTE internal.StartRun N'SearchModels', @RunId OUTPUT, @Arguments;
    BEGIN TRY
        EXECUTE internal.FindMatrices @ModelName, @NetworkName, @Layers, @Preprocessing, @Poolings, @Features, @Columns, @ColumnsFrom;
        EXECUTE internal.CountMatrices @SkipMissing, @DatasetVersionId, @Horizon, @PositiveFrom;
        SET @Method = LOWER(@Method);

        INSERT INTO #trials (candidate, matrix, parameters)
        EXECUTE sp_execute_external_script
            @language = @Language,
            @script = N'
def main(matrices, method, trials, space, folds, seed):
    from lungdb.procedures import make_trials
    return make_trials(matrices, method, trials, space, folds, seed)

OutputDataSet, ErrorNumber, ErrorMessage = main(InputDataSet, Method, Trials, Space, Folds, Seed)
',
            @input_data_1 = N'
SELECT matrix, feature_set_id, pooling, negatives, positives, only_negatives, scans, lacking
FROM #matrices
ORDER BY feature_set_id, pooling;',
            @params = N'@Method NVARCHAR(32), @Trials INT, @Space NVARCHAR(MAX), @Folds INT, @Seed INT, @ErrorNumber INT OUTPUT,
                @ErrorMessage NVARCHAR(2000) OUTPUT',
            @Method = @Method, @Trials = @Wanted, @Space = @Space, @Folds = @Folds, @Seed = @Seed,
            @ErrorNumber = @ErrorNumber OUTPUT, @ErrorMessage = @ErrorMessage OUTPUT;
        IF @ErrorNumber <> 0
        BEGIN
            SET @Message = REPLACE(@ErrorMessage, N'%', N'%%');
            THROW @ErrorNumber, @Message, 1;
        END;

        EXECUTE internal.CheckTrials @RunId;

        SET @Settings = CONCAT(N'{"method": "', @Method, N'", "trials": ', (SELECT COUNT(*) FROM #trials), N', "space": ',
            COALESCE(JSON_QUERY(@Space), N'null'), N', "features": "' + STRING_ESCAPE(@Features, 'json') + N'"',
            N', "columns": "' + STRING_ESCAPE(@Columns, 'json') + N'"', N'}');
        EXECUTE internal.StoreSearch @ModelName, @Settings, @Seed, @Folds, @Metric, @Halving, @SkipMissing, @DatasetVersionId, @Horizon,
            @PositiveFrom, @SearchId OUTPUT;
    END TRY
    BEGIN CATCH
        IF @@TRANCOUNT > 0
            ROLLBACK TRANSACTION;
        SET @Message = ERROR_MESSAGE();
        EXECUTE internal.DropMatrices;
        EXECUTE internal.EndRun @RunId, 0, @Message;
        THROW;
    END CATCH;
    -- A draw may leave some of them untried.
    EXECUTE internal.DropMatrices;

    SELECT @Count = (SELECT COUNT(*) FROM #trials), @Matrices = (SELECT COUNT(*) FROM #matrices);
    SET @Message = CONCAT(N'Search ', @SearchId, N' has ', @Count, N' trials on ', @Matrices,
        N' kinds of features. Run it: EXECUTE dbo.RunSearch @SearchId = ', @SearchId, N';');
    EXECUTE internal.ReportStep @RunId, @Message;
    EXECUTE internal.EndRun @RunId;
END;
