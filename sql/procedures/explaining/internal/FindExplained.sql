-- FindExplained: finds what an explained score was computed from, and refuses when the scan or its features are others by now.
-- Called by ExplainRegions.
CREATE OR ALTER PROCEDURE internal.FindExplained
    @PredictionId INT,            -- prediction_id of dbo.predictions
    @ScanId INT OUTPUT,           -- the scan that was scored
    @ClassifierId INT OUTPUT,     -- the model
    @FeatureSetId INT OUTPUT,     -- feature set of the vector that it read
    @Pooling NVARCHAR(32) OUTPUT, -- its pooling
    @PixelSetId INT OUTPUT,       -- the one feature set of slices in it
    @Parts NVARCHAR(MAX) OUTPUT   -- JSON: which poolings of that stand where in the vector
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Scored VARBINARY(32), @Explained VARBINARY(32), @ExplainedArray VARBINARY(32), @IsExplained BIT,
        @Now VARBINARY(32), @Array VARCHAR(64), @Arrays VARBINARY(32), @Sets INT, @Count INT,
        @NetworkId INT, @Layer NVARCHAR(256), @Preprocessing NVARCHAR(32);
    CREATE TABLE #combine (scan_id INT NOT NULL PRIMARY KEY);
    CREATE TABLE #read (scan_id INT NOT NULL PRIMARY KEY);
    SELECT @ScanId = p.scan_id, @ClassifierId = p.classifier_id, @Scored = p.vector_sha256, @FeatureSetId = c.feature_set_id,
        @Pooling = c.pooling, @IsExplained = CASE WHEN e.prediction_id IS NULL THEN 0 ELSE 1 END, @Explained = e.vector_sha256,
        @ExplainedArray = e.array_sha256, @NetworkId = s.network_id
    FROM dbo.predictions AS p
    INNER JOIN dbo.classifiers AS c ON c.classifier_id = p.classifier_id
    INNER JOIN dbo.feature_sets AS s ON s.feature_set_id = c.feature_set_id
    LEFT JOIN dbo.score_explanations AS e ON e.prediction_id = p.prediction_id
    WHERE p.prediction_id = @PredictionId;
    IF @ScanId IS NULL
    BEGIN
        SET @Message = CONCAT(N'There is no prediction with the number ', COALESCE(CAST(@PredictionId AS NVARCHAR(12)), N'NULL'),
            N'. Give a prediction_id of dbo.predictions.');
        THROW 50145, @Message, 1;
    END;
    IF @IsExplained = 0
    BEGIN
        SET @Message = CONCAT(N'The score ', @PredictionId, N' is not explained yet. EXECUTE dbo.ExplainScans @ScanId = ', @ScanId,
            N' explains scores of its scan by features and slices; then call this for that score.');
        THROW 50380, @Message, 1;
    END;

    SELECT @Sets = COUNT(DISTINCT part_feature_set_id), @PixelSetId = MIN(part_feature_set_id)
    FROM dbo.feature_parts
    WHERE feature_set_id = @FeatureSetId AND part_feature_set_id IS NOT NULL;
    IF @NetworkId IS NOT NULL
        SELECT @Sets = 1, @PixelSetId = @FeatureSetId;
    SELECT @NetworkId = network_id, @Layer = layer, @Preprocessing = preprocessing FROM dbo.feature_sets WHERE feature_set_id = @PixelSetId;
    IF @Sets <> 1 OR @NetworkId IS NULL
    BEGIN
        SET @Message = CONCAT(N'The model reads ', @Sets, N' kinds of features of slices',
            IIF(@Sets = 1, N', which are combined themselves', N''), N', and a map is made for one kind from one network. ',
            N'See dbo.score_contributions for what the features added, and explain a model that reads one kind, alone or beside columns.');
        THROW 50384, @Message, 1;
    END;
    IF EXISTS (SELECT 1 FROM dbo.poolings WHERE (network_id IS NOT NULL OR width IS NOT NULL) AND (pooling = @Pooling OR pooling IN (
            SELECT pooling FROM dbo.feature_parts WHERE feature_set_id = @FeatureSetId)))
    BEGIN
        SET @Message = N'The model reads features that a network has pooled, or scores of nodules, and no map is made of these. '
            + N'See dbo.score_contributions for what the features added.';
        THROW 50384, @Message, 1;
    END;
    SET @Parts = IIF(@PixelSetId = @FeatureSetId, CONCAT(N'[{"pooling": "', @Pooling, N'", "first_index": 0, "width": ',
        (SELECT width FROM dbo.feature_sets WHERE feature_set_id = @FeatureSetId)
            * COALESCE((SELECT times FROM dbo.poolings WHERE pooling = @Pooling), 1), N'}]'), (
        SELECT CONCAT(N'[', STRING_AGG(CONCAT(CAST(N'{"pooling": "' AS NVARCHAR(MAX)), pooling, N'", "first_index": ', first_index,
            N', "width": ', width, N'}'), N', ') WITHIN GROUP (ORDER BY position), N']')
        FROM dbo.feature_parts
        WHERE feature_set_id = @FeatureSetId AND part_feature_set_id = @PixelSetId));

    INSERT INTO #combine (scan_id) VALUES (@ScanId);
    INSERT INTO #read (scan_id) VALUES (@ScanId);
    EXECUTE internal.FillCombinedFeatures @FeatureSetId;
    EXECUTE internal.CheckVectors @FeatureSetId, @Pooling;
    SET @Now = (
        SELECT vector_sha256 FROM dbo.pooled_features
        WHERE scan_id = @ScanId AND feature_set_id = @FeatureSetId AND pooling = @Pooling);
    SET @Array = (
        SELECT CONVERT(VARCHAR(64), sha256, 2) FROM dbo.features WHERE scan_id = @ScanId AND feature_set_id = @PixelSetId);
    -- As PlanExplanations has it: the array's own hash, or of several parts that of all of them, which are of one array here.
    SET @Count = (
        SELECT COUNT(*) FROM dbo.feature_parts WHERE feature_set_id = @FeatureSetId AND part_feature_set_id = @PixelSetId);
    SET @Arrays = IIF(@Count > 1, HASHBYTES('SHA2_256', CONVERT(VARBINARY(MAX), @Array + REPLICATE(',' + @Array, @Count - 1))),
        CONVERT(VARBINARY(32), @Array, 2));
    IF @Now IS NULL OR @Array IS NULL
    BEGIN
        SET @Message = CONCAT(N'The scan ', @ScanId, N' has no features of the slices that the score ', @PredictionId,
            N' was computed from. EXECUTE dbo.GenerateFeatures @ModelName = N''',
            (SELECT name FROM dbo.networks WHERE network_id = @NetworkId), N''', @Layer = N''', @Layer, N''', @Preprocessing = N''',
            @Preprocessing, N'''; makes them. Of a scan that was replaced, score and explain the new one.');
        SET @Message = REPLACE(@Message, N'%', N'%%');
        THROW 50382, @Message, 1;
    END;
    IF @Scored IS NULL OR @Now <> @Scored OR @Explained <> @Now OR @ExplainedArray <> @Arrays
    BEGIN
        SET @Message = CONCAT(N'The features of the scan ', @ScanId, N' are not those that the score ', @PredictionId, N' of it ',
            IIF(@Scored IS NULL, N'may have been computed from: it is older than their hash', N'was computed or explained from'),
            N'. Score the scan again and explain the new score.');
        THROW 50381, @Message, 1;
    END;
END;
