-- FindScoresToExplain: finds the model that is meant, and fills #asked with the newest score of each scan that is asked for; refuses
-- where one has none.
-- Called by ExplainScans, whose table #asked it fills.
CREATE OR ALTER PROCEDURE internal.FindScoresToExplain
    @ScanId INT,                -- a scan, or NULL
    @PredictionId INT,          -- a prediction, or NULL
    @Dataset NVARCHAR(128),     -- a data set, or NULL
    @DatasetVersion INT,        -- its version, or NULL for the newest
    @ModelName NVARCHAR(128),   -- name of a model, or NULL
    @Version INT,               -- its version, or NULL
    @ClassifierId INT OUTPUT    -- the version of the model that gave the scores
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @DatasetVersionId INT, @Missing INT, @Some NVARCHAR(200), @Found NVARCHAR(200);
    IF @PredictionId IS NOT NULL
    BEGIN
        INSERT INTO #asked (scan_id, prediction_id)
        SELECT scan_id, prediction_id FROM dbo.predictions WHERE prediction_id = @PredictionId;
        SELECT @ClassifierId = c.classifier_id, @Found = CONCAT(c.name, N' version ', c.version),
            @Message = IIF(c.name <> @ModelName OR c.version <> @Version, N'x', NULL)
        FROM dbo.predictions AS p
        INNER JOIN dbo.classifiers AS c ON c.classifier_id = p.classifier_id
        WHERE p.prediction_id = @PredictionId;
        IF @ClassifierId IS NULL
        BEGIN
            SET @Message = CONCAT(N'There is no prediction with the number ', @PredictionId, N'. Give a prediction_id of dbo.predictions.');
            THROW 50145, @Message, 1;
        END;
        IF @Message IS NOT NULL
        BEGIN
            SET @Message = REPLACE(CONCAT(N'The prediction ', @PredictionId, N' is of the model ', @Found,
                N', which is not the one given. Leave @ModelName and @Version NULL.'), N'%', N'%%');
            THROW 50101, @Message, 1;
        END;
        RETURN 0;
    END;

    SET @ModelName = COALESCE(@ModelName, N'lightgbm_sql');
    EXECUTE internal.FindClassifier @ModelName, @Version, @ClassifierId OUTPUT;
    SET @Version = (SELECT version FROM dbo.classifiers WHERE classifier_id = @ClassifierId);
    IF @ScanId IS NOT NULL
        EXECUTE internal.FindScan NULL, @ScanId OUTPUT;
    EXECUTE internal.FindScansOfDataset @Dataset, @DatasetVersion, @DatasetVersionId OUTPUT;
    INSERT INTO #asked (scan_id, prediction_id)
    SELECT s.scan_id, (
        SELECT MAX(p.prediction_id) FROM dbo.predictions AS p WHERE p.scan_id = s.scan_id AND p.classifier_id = @ClassifierId)
    FROM dbo.scans AS s
    WHERE s.scan_id = @ScanId OR s.scan_id IN (
        SELECT m.scan_id FROM dbo.dataset_members AS m WHERE m.dataset_version_id = @DatasetVersionId);
    SET @Missing = (SELECT COUNT(*) FROM #asked WHERE prediction_id IS NULL);
    IF @Missing = 0
        RETURN 0;
    SET @Some = (
        SELECT STRING_AGG(CAST(a.scan_id AS NVARCHAR(12)), N', ') WITHIN GROUP (ORDER BY a.scan_id)
        FROM (SELECT TOP (5) scan_id FROM #asked WHERE prediction_id IS NULL ORDER BY scan_id) AS a);
    SET @Message = REPLACE(CONCAT(N'The model ''', @ModelName, N''' version ', @Version, N' has given ',
        IIF(@ScanId IS NULL, CONCAT(@Missing, N' scans of the data set no score: scan_id ', @Some, IIF(@Missing > 5, N', …', N'')),
            CONCAT(N'the scan ', @ScanId, N' no score')), N'. Call EXECUTE dbo.',
        IIF(@ScanId IS NULL, CONCAT(N'PredictPatients @Dataset = N''', REPLACE(@Dataset, N'''', N''''''), N''''),
            CONCAT(N'PredictLungCancer @ScanId = ', @ScanId)),
        N', @ModelName = N''', REPLACE(@ModelName, N'''', N''''''), N''', @Version = ', @Version, N'; first.'), N'%', N'%%');
    THROW 50370, @Message, 1;
END;
