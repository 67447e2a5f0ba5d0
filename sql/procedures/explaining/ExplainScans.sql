-- ExplainScans: why stored scores are what they are: what each feature and each triple of slices adds to the model's margin.
-- Example: EXECUTE dbo.ExplainScans @ScanId = 1;
CREATE OR ALTER PROCEDURE dbo.ExplainScans
    @ScanId INT = NULL,                 -- scan_id of a scan whose newest score by the model is explained
    @Dataset NVARCHAR(128) = NULL,      -- or a data set of scans, as CreateDataset makes them
    @ModelName NVARCHAR(128) = NULL,    -- name of a model in dbo.classifiers; NULL means lightgbm_sql, or that of the prediction
    @Version INT = NULL,                -- version of the model; NULL means the one served, see dbo.model_status
    @TopSlices INT = 10,                -- triples of slices to return of a score, 0 to 1000; all are stored
    @PredictionId INT = NULL,           -- or prediction_id of a score in dbo.predictions
    @DatasetVersion INT = NULL,         -- version of the data set; NULL means the newest
    @TopFeatures INT = 10,              -- features to return of a score, 0 to 1000; all are stored
    @Permutations INT = 32,             -- of the estimates, 0 to 10000; 0 makes none
    @Seed INT = 20170401,               -- of the permutations, 0 to 2147483647
    @Features BIT = 1,                  -- 0 explains the slices alone
    @Recompute BIT = 0,                 -- 1 explains again what is explained already
    @ChunkMegabytes INT = 64,           -- megabytes of features in one transaction, 1 to 512
    @Help BIT = 0                       -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.ExplainScans explains scores that are stored in dbo.predictions; it scores nothing itself. Give one of @ScanId,
@PredictionId and @Dataset. It fills dbo.score_explanations, dbo.score_contributions and dbo.score_slices, in chunks, each in a
transaction of its own: stopped at any point, it goes on there when called again. What is explained by the same features, seed and
permutations is left.
Everything is in units of the margin: log-odds of the raw score, of a regression the number. Calibration comes after it: raw_percent is
the sigmoid of the margin, probability_percent what was told. Three result sets: the scores, their top features, their top slices; the
views dbo.explained_scores, dbo.explained_features and dbo.explained_slices have all of them.
Exact: contributions of trees (TreeSHAP) and of logistic regressions, which sum to the margin with the expected margin; change_without,
how the margin changes when a triple is left out (the features are pooled again; tied is how many triples change it alike);
share, of a logistic regression over mean or thirds. Estimates with a standard error, by permutations: contributions of networks,
and shapley, of all else: like shares they sum to margin minus reference_margin, that of the mean training scan with the columns of the
scan itself. @Permutations = 0 makes no Shapley values; contributions of networks need 2, and standard errors 3 permutations or more.
Ensembles are explained by member, their slices as a whole. A value belongs to a triple of slices, which its three slices share. See
docs/explaining.md.
Parameters:
    @ScanId INT = NULL               scan_id of a scan whose newest score by the model is explained
    @Dataset NVARCHAR(128) = NULL    or a data set of scans, as CreateDataset makes them
    @ModelName NVARCHAR(128) = NULL  name of a model in dbo.classifiers; NULL means lightgbm_sql, or that of the prediction
    @Version INT = NULL              version of the model; NULL means the one served, see dbo.model_status
    @TopSlices INT = 10              triples of slices to return of a score, 0 to 1000; all are stored
    @PredictionId INT = NULL         or prediction_id of a score in dbo.predictions
    @DatasetVersion INT = NULL       version of the data set; NULL means the newest
    @TopFeatures INT = 10            features to return of a score, 0 to 1000; all are stored
    @Permutations INT = 32           of the estimates, 0 to 10000; 0 makes none
    @Seed INT = 20170401             of the permutations, 0 to 2147483647
    @Features BIT = 1                0 explains the slices alone
    @Recompute BIT = 0               1 explains again what is explained already
    @ChunkMegabytes INT = 64         megabytes of features in one transaction, 1 to 512
    @Help BIT = 0                    1 prints this help and does nothing else
Examples:
    EXECUTE dbo.ExplainScans @ScanId = 1;
    EXECUTE dbo.ExplainScans @Dataset = N''screening'', @ModelName = N''lightgbm_sql'', @Version = 1, @TopSlices = 3;';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000), @ClassifierId INT, @FeatureSetId INT, @Pooling NVARCHAR(32), @DatasetVersionId INT, @RunId INT;
    DECLARE @Classifier VARBINARY(MAX), @Sha256 VARCHAR(64), @Library NVARCHAR(32), @Details NVARCHAR(MAX), @Parts NVARCHAR(MAX),
        @Means NVARCHAR(MAX), @ErrorNumber INT, @ErrorMessage NVARCHAR(2000), @Total INT, @Done INT = 0;
    DECLARE @Language NVARCHAR(128), @WorkId INT, @Worker NVARCHAR(128), @CpuSeconds FLOAT,
        @PeakMegabytes FLOAT, @Arguments NVARCHAR(4000);
    CREATE TABLE #queue (
        item NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL PRIMARY KEY, position INT NOT NULL, grp INT NOT NULL, bytes BIGINT NOT NULL,
        state VARCHAR(10) COLLATE DATABASE_DEFAULT NOT NULL, attempts INT NOT NULL, error_number INT NULL,
        error NVARCHAR(2000) COLLATE DATABASE_DEFAULT NULL);
    CREATE TABLE #parts (
        position INT NOT NULL PRIMARY KEY, feature_set_id INT NOT NULL, pooling NVARCHAR(32) COLLATE DATABASE_DEFAULT NOT NULL,
        first_index INT NOT NULL, width INT NOT NULL);
    CREATE TABLE #asked (scan_id INT NOT NULL PRIMARY KEY, prediction_id INT NULL);
    CREATE TABLE #todo (
        prediction_id INT NOT NULL PRIMARY KEY, scan_id INT NOT NULL, bytes BIGINT NOT NULL, vector_sha256 VARBINARY(32) NOT NULL,
        array_sha256 VARBINARY(32) NULL);
    CREATE TABLE #chunk (
        prediction_id INT NOT NULL PRIMARY KEY, scan_id INT NOT NULL, vector_sha256 VARBINARY(32) NOT NULL,
        array_sha256 VARBINARY(32) NULL);
    CREATE TABLE #sending (
        prediction_id INT NOT NULL, position INT NOT NULL, vector NVARCHAR(MAX) COLLATE DATABASE_DEFAULT NOT NULL, raw FLOAT NULL,
        array_rows INT NOT NULL, array_cols INT NOT NULL, array VARBINARY(MAX) NOT NULL, sha256 VARBINARY(32) NOT NULL,
        PRIMARY KEY (prediction_id, position));
    CREATE TABLE #failed (
        prediction_id INT NOT NULL PRIMARY KEY, number INT NOT NULL, error NVARCHAR(2000) COLLATE DATABASE_DEFAULT NOT NULL);
    CREATE TABLE #result (
        prediction_id INT NULL, kind VARCHAR(16) COLLATE DATABASE_DEFAULT NULL, member INT NULL, place INT NULL, x FLOAT NULL,
        value FLOAT NULL, standard_error FLOAT NULL, error NVARCHAR(2000) COLLATE DATABASE_DEFAULT NULL);

    EXECUTE internal.CheckExplainArguments @ScanId, @PredictionId, @Dataset, @DatasetVersion, @TopSlices, @TopFeatures, @Permutations,
        @Seed, @Features, @Recompute, @ChunkMegabytes;
    EXECUTE internal.ReadSettings @Language OUTPUT;
    EXECUTE internal.FindScoresToExplain @ScanId, @PredictionId, @Dataset, @DatasetVersion, @ModelName, @Version, @ClassifierId OUTPUT;
    EXECUTE internal.StartExplanations @ClassifierId, @Permutations, @Seed, @Features, @Recompute, @Parts OUTPUT, @Means OUTPUT,
        @WorkId OUTPUT, @Worker OUTPUT;
    SELECT @FeatureSetId = feature_set_id, @Pooling = pooling, @Classifier = model, @Sha256 = CONVERT(VARCHAR(64), sha256, 2),
        @Library = library, @Details = details, @ModelName = name, @Version = version
    FROM dbo.classifiers
    WHERE classifier_id = @ClassifierId;
    SET @Total = (SELECT COUNT(*) FROM #todo);
    SET @Message = CONCAT(@ModelName, N' version ', @Version, N': ', @Total, N' scores to explain.');
    SET @Arguments = JSON_MODIFY(JSON_MODIFY(JSON_MODIFY(JSON_MODIFY(JSON_MODIFY(N'{}', N'$.model', @ModelName), N'$.version', @Version),
        N'$.dataset', @Dataset), N'$.permutations', @Permutations), N'$.recompute', @Recompute);
    EXECUTE internal.StartRun N'ExplainScans', @RunId OUTPUT, @Arguments;
    EXECUTE internal.ReportStep @RunId, @Message, 0, @Total;

    WHILE EXISTS (SELECT 1 FROM #todo)
    BEGIN
        EXECUTE internal.TakeScoresToExplain @RunId, @WorkId, @Worker, @ChunkMegabytes, @FeatureSetId, @Pooling, @Total;
        IF NOT EXISTS (SELECT 1 FROM #chunk)
            CONTINUE;
        INSERT INTO #result (prediction_id, kind, member, place, x, value, standard_error, error)
        EXECUTE sp_execute_external_script
            @language = @Language,
            @script = N'
def main(scans, model, sha256, library, details, parts, means, features, permutations, seed):
    from lungdb.procedures import explain_scans, measured
    return measured(explain_scans, scans, model, sha256, library, details, parts, means, features, permutations, seed)

OutputDataSet, ErrorNumber, ErrorMessage, CpuSeconds, PeakMegabytes = main(
    InputDataSet, Classifier, Sha256, Library, Details, Parts, Means, Features, Permutations, Seed)
',
            @input_data_1 = N'
SELECT prediction_id, position, vector, raw, array_rows, array_cols, CONVERT(VARCHAR(MAX), array, 2) AS array,
    CONVERT(VARCHAR(64), sha256, 2) AS sha256
FROM #sending
ORDER BY prediction_id, position;',
            @params = N'@Classifier VARBINARY(MAX), @Sha256 VARCHAR(64), @Library NVARCHAR(32),
                @Details NVARCHAR(MAX), @Parts NVARCHAR(MAX), @Means NVARCHAR(MAX), @Features BIT, @Permutations INT, @Seed INT,
                @ErrorNumber INT OUTPUT, @ErrorMessage NVARCHAR(2000) OUTPUT, @CpuSeconds FLOAT OUTPUT,
                @PeakMegabytes FLOAT OUTPUT',
            @Classifier = @Classifier, @Sha256 = @Sha256, @Library = @Library,
            @Details = @Details, @Parts = @Parts, @Means = @Means, @Features = @Features, @Permutations = @Permutations, @Seed = @Seed,
            @ErrorNumber = @ErrorNumber OUTPUT, @ErrorMessage = @ErrorMessage OUTPUT,
            @CpuSeconds = @CpuSeconds OUTPUT, @PeakMegabytes = @PeakMegabytes OUTPUT;
        IF @ErrorNumber <> 0
            EXECUTE internal.EndRun @RunId, 0, @ErrorMessage;
        IF @ErrorNumber <> 0
        BEGIN
            SET @Message = REPLACE(@ErrorMessage, N'%', N'%%');
            THROW @ErrorNumber, @Message, 1;
        END;

        EXECUTE internal.StoreExplanations @RunId, @WorkId, @Worker, @FeatureSetId, @Pooling, @Permutations, @Seed, @Features;
        SET @Done = @Total - (SELECT COUNT(*) FROM #todo);
        SET @Message = CONCAT(@Done, N' of ', @Total, N' scores done.');
        EXECUTE internal.ReportStep @RunId, @Message, @Done, @Total, NULL, NULL, NULL, @CpuSeconds, @PeakMegabytes;
    END;
    EXECUTE internal.ShowExplanations @RunId, @TopFeatures, @TopSlices;
END;
