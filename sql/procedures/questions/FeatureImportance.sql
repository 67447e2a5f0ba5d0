-- FeatureImportance: how much a model relies on each of its features, on a data set or on the patients that it learnt from.
-- Example: EXECUTE dbo.FeatureImportance @ModelName = N'lightgbm_sql', @Top = 10;
CREATE OR ALTER PROCEDURE dbo.FeatureImportance
    @ModelName NVARCHAR(128) = N'lightgbm_sql', -- name of a model in dbo.classifiers
    @Version INT = NULL,                        -- its version; NULL means the one served, see dbo.model_status
    @Dataset NVARCHAR(128) = NULL,              -- data set to measure on; NULL means the scans that the model learnt from
    @DatasetVersion INT = NULL,                 -- its version; NULL means the newest
    @Repeats INT = 5,                           -- shuffles of each feature, 2 to 1000
    @Seed INT = 1,                              -- of the shuffles, 0 and up
    @Top INT = 20,                              -- features to return, 1 to 100000
    @Help BIT = 0                               -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.FeatureImportance returns the features that a model relies on most, a row each, the most important first.
mean_absolute_contribution is the mean over the scans of what the feature adds to or takes from the margin, as ExplainScans computes it; the
rows are ordered by it. Of an ensemble it is in the margin of the member that reads the feature.
loss_when_shuffled is how much the AUC falls, of a regression the root mean squared error rises, when the values of the feature are
shuffled among the scans with labels; loss_error is the standard error over the repeats. Features that say the same hide each other: each
alone loses little. Measured on scans that the model learnt from, it says what was learnt and not what is true of new patients.
splits and gain are those of the trees in training; NULL of other models.
Where the scans hold test patients of the model this is a look at them, which is counted in dbo.test_looks.
Parameters:
    @ModelName NVARCHAR(128) = N''lightgbm_sql''  name of a model in dbo.classifiers
    @Version INT = NULL                         its version; NULL means the one served, see dbo.model_status
    @Dataset NVARCHAR(128) = NULL               data set to measure on; NULL means the scans that the model learnt from
    @DatasetVersion INT = NULL                  its version; NULL means the newest
    @Repeats INT = 5                            shuffles of each feature, 2 to 1000
    @Seed INT = 1                               of the shuffles, 0 and up
    @Top INT = 20                               features to return, 1 to 100000
    @Help BIT = 0                               1 prints this help and does nothing else
Example:
    EXECUTE dbo.FeatureImportance @ModelName = N''lightgbm_sql'', @Top = 10;';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000), @ClassifierId INT, @DatasetVersionId INT, @Language NVARCHAR(128), @FeatureSetId INT;
    DECLARE @Classifier VARBINARY(MAX), @Sha256 VARCHAR(64), @Library NVARCHAR(32), @Details NVARCHAR(MAX), @Pooling NVARCHAR(32);
    DECLARE @Figure FLOAT, @ErrorNumber INT, @ErrorMessage NVARCHAR(2000), @Scans INT, @Labelled INT, @Task VARCHAR(14),
        @CpuSeconds FLOAT, @PeakMegabytes FLOAT;
    CREATE TABLE #asked (scan_id INT NOT NULL PRIMARY KEY, label FLOAT NULL);
    CREATE TABLE #importance (feature INT NULL, splits FLOAT NULL, gain FLOAT NULL, mean_absolute FLOAT NULL, loss FLOAT NULL,
        loss_error FLOAT NULL);
    SET @Message = CASE
        WHEN @Repeats IS NULL OR @Repeats NOT BETWEEN 2 AND 1000
            THEN CONCAT(COALESCE(CAST(@Repeats AS NVARCHAR(12)), N'NULL'), N' for the parameter @Repeats|2 to 1000')
        WHEN @Seed IS NULL OR @Seed < 0
            THEN CONCAT(COALESCE(CAST(@Seed AS NVARCHAR(12)), N'NULL'), N' for the parameter @Seed|0 and up')
        WHEN @Top IS NULL OR @Top NOT BETWEEN 1 AND 100000
            THEN CONCAT(COALESCE(CAST(@Top AS NVARCHAR(12)), N'NULL'), N' for the parameter @Top|1 to 100000') END;
    IF @Message IS NOT NULL
    BEGIN
        SET @Message = CONCAT(N'The value ', REPLACE(@Message, N'|', N' is not supported. Supported values are '), N'.');
        THROW 50101, @Message, 1;
    END;
    EXECUTE internal.ReadSettings @Language OUTPUT;
    EXECUTE internal.FindClassifier @ModelName, @Version, @ClassifierId OUTPUT;
    EXECUTE internal.FindScansOfDataset @Dataset, @DatasetVersion, @DatasetVersionId OUTPUT;
    SELECT @FeatureSetId = feature_set_id, @Pooling = pooling, @Classifier = model, @Library = library, @Task = task,
        @Sha256 = CONVERT(VARCHAR(64), sha256, 2), @Details = details
    FROM dbo.classifiers
    WHERE classifier_id = @ClassifierId;
    EXECUTE internal.TakeAskedScans @ClassifierId, @DatasetVersionId, @Scans OUTPUT, @Labelled OUTPUT;

    DECLARE @RunId INT, @Arguments NVARCHAR(4000) = JSON_MODIFY(JSON_MODIFY(JSON_MODIFY(JSON_MODIFY(N'{}', N'$.model', @ModelName),
        N'$.version', @Version), N'$.dataset', @Dataset), N'$.repeats', @Repeats);
    EXECUTE internal.StartRun N'FeatureImportance', @RunId OUTPUT, @Arguments;
    INSERT INTO #importance (feature, splits, gain, mean_absolute, loss, loss_error)
    EXECUTE sp_execute_external_script
        @language = @Language,
        @script = N'
def main(scans, model, sha256, library, details, repeats, seed):
    from lungdb.procedures import feature_importance, measured
    return measured(feature_importance, scans, model, sha256, library, details, repeats, seed)

OutputDataSet, Figure, ErrorNumber, ErrorMessage, CpuSeconds, PeakMegabytes = main(
    InputDataSet, Classifier, Sha256, Library, Details, Repeats, Seed)
',
        @input_data_1 = N'
SELECT a.scan_id, a.label, f.vector
FROM #asked AS a
INNER JOIN dbo.pooled_features AS f ON f.scan_id = a.scan_id
WHERE f.feature_set_id = @FeatureSetId AND f.pooling = @Pooling
ORDER BY a.scan_id;',
        @params = N'@FeatureSetId INT, @Pooling NVARCHAR(32), @Classifier VARBINARY(MAX), @Sha256 VARCHAR(64), @Library NVARCHAR(32),
            @Details NVARCHAR(MAX), @Repeats INT, @Seed INT, @Figure FLOAT OUTPUT, @ErrorNumber INT OUTPUT,
            @ErrorMessage NVARCHAR(2000) OUTPUT, @CpuSeconds FLOAT OUTPUT, @PeakMegabytes FLOAT OUTPUT',
        @FeatureSetId = @FeatureSetId, @Pooling = @Pooling, @Classifier = @Classifier, @Sha256 = @Sha256, @Library = @Library,
        @Details = @Details, @Repeats = @Repeats, @Seed = @Seed, @Figure = @Figure OUTPUT, @ErrorNumber = @ErrorNumber OUTPUT,
        @ErrorMessage = @ErrorMessage OUTPUT,
        @CpuSeconds = @CpuSeconds OUTPUT, @PeakMegabytes = @PeakMegabytes OUTPUT;
    IF @ErrorNumber <> 0
        EXECUTE internal.EndRun @RunId, 0, @ErrorMessage;
    IF @ErrorNumber <> 0
    BEGIN
        SET @Message = REPLACE(@ErrorMessage, N'%', N'%%');
        THROW @ErrorNumber, @Message, 1;
    END;

    SET @Message = CONCAT(@Scans, N' scans, ', @Labelled, N' of them with labels', N'; ' + IIF(@Task = 'regression',
        N'root mean squared error ', N'AUC ') + CAST(CAST(NULLIF(@Figure, -1) AS DECIMAL(18, 4)) AS NVARCHAR(30)), N'.');
    EXECUTE internal.ReportStep @RunId, @Message, NULL, NULL, @Scans, NULL, NULL, @CpuSeconds, @PeakMegabytes;
    EXECUTE internal.EndRun @RunId;
    SELECT TOP (@Top) i.feature, COALESCE(n.[value], CONCAT(N'feature ', i.feature)) AS feature_name,
        i.mean_absolute AS mean_absolute_contribution, i.loss AS loss_when_shuffled, i.loss_error, i.splits, i.gain
    FROM #importance AS i
    LEFT JOIN OPENJSON(@Details, N'$.feature_names') AS n ON CAST(n.[key] AS INT) = i.feature
    ORDER BY COALESCE(i.mean_absolute, i.loss) DESC, i.loss DESC, i.feature;
END;
