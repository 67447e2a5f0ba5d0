-- ReadVectors: fills #vectors with the features of the scans in #wanted, in the single precision in which models are trained.
-- Called by ScoreScansSql, whose table #vectors it fills; #wanted is that of ScoreScansSql's callers.
CREATE OR ALTER PROCEDURE internal.ReadVectors
    @ClassifierId INT, -- model that reads them
    @RefuseMissing BIT -- 1 refuses a null among features that are not combined, as Python does; 0 leaves it to the model
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Width INT, @FeatureSetId INT, @Pooling NVARCHAR(32);
    SELECT @Width = s.width, @FeatureSetId = c.feature_set_id, @Pooling = c.pooling
    FROM dbo.model_scoring AS s
    INNER JOIN dbo.classifiers AS c ON c.classifier_id = s.classifier_id
    WHERE s.classifier_id = @ClassifierId;

    -- The text of a single reads back as that single whether or not a double stands between, as it does in Python.
    -- Type 2 is a number and 0 is null, a missing value; anything else is no feature, and leaves a gap that is found below.
    BEGIN TRY
        INSERT INTO #vectors (scan_id, feature_index, x)
        SELECT w.scan_id, CAST(v.[key] AS INT), CAST(v.[value] AS REAL)
        FROM #wanted AS w
        INNER JOIN dbo.pooled_features AS f ON f.scan_id = w.scan_id
        CROSS APPLY OPENJSON(f.vector) AS v
        WHERE f.feature_set_id = @FeatureSetId AND f.pooling = @Pooling AND v.[type] IN (0, 2);
    END TRY
    BEGIN CATCH
        -- Only now is it worth the time to look which number single precision cannot hold.
        SELECT TOP (1) @Message = CONCAT(N'The feature ', LEFT(v.[key], 40), N' of the scan ', w.scan_id, N' is ', LEFT(v.[value], 40),
            N', which single precision cannot hold. Generate or copy the features of the scan again.')
        FROM #wanted AS w
        INNER JOIN dbo.pooled_features AS f ON f.scan_id = w.scan_id
        CROSS APPLY OPENJSON(f.vector) AS v
        WHERE f.feature_set_id = @FeatureSetId AND f.pooling = @Pooling AND v.[type] = 2 AND TRY_CAST(v.[value] AS REAL) IS NULL
        ORDER BY w.scan_id, TRY_CAST(v.[key] AS INT);
        -- A JSON object can hold a feature without a number, and one twice, which is error 2627.
        IF @Message IS NULL
            SELECT TOP (1) @Message = CONCAT(N'The vector of the scan ', w.scan_id, N' holds a feature that is called ''',
                LEFT(v.[key], 40), N''' in place of its number. Generate or copy the features of the scan again.')
            FROM #wanted AS w
            INNER JOIN dbo.pooled_features AS f ON f.scan_id = w.scan_id
            CROSS APPLY OPENJSON(f.vector) AS v
            WHERE f.feature_set_id = @FeatureSetId AND f.pooling = @Pooling AND v.[type] IN (0, 2) AND TRY_CAST(v.[key] AS INT) IS NULL
            ORDER BY w.scan_id;
        IF @Message IS NULL AND ERROR_NUMBER() = 2627
            SELECT TOP (1) @Message = CONCAT(N'The vector of the scan ', w.scan_id, N' holds the feature ', CAST(v.[key] AS INT),
                N' more than once. Generate or copy the features of the scan again.')
            FROM #wanted AS w
            INNER JOIN dbo.pooled_features AS f ON f.scan_id = w.scan_id
            CROSS APPLY OPENJSON(f.vector) AS v
            WHERE f.feature_set_id = @FeatureSetId AND f.pooling = @Pooling AND v.[type] IN (0, 2)
            GROUP BY w.scan_id, CAST(v.[key] AS INT)
            HAVING COUNT(*) > 1
            ORDER BY w.scan_id, CAST(v.[key] AS INT);
        IF @Message IS NULL
            THROW;
        SET @Message = REPLACE(@Message, N'%', N'%%');
        THROW 50153, @Message, 1;
    END CATCH;

    SELECT TOP (1) @Message = CONCAT(N'The scan ', w.scan_id, N' has ', COUNT(v.feature_index), N' features',
        IIF(MIN(v.feature_index) < 0, CONCAT(N', one of the number ', MIN(v.feature_index), N','), N''),
        N' and the model reads ', @Width, N', of feature set ', @FeatureSetId, N' and pooling ', @Pooling,
        N'. Generate or copy the features that the model was trained on.')
    FROM #wanted AS w
    LEFT JOIN #vectors AS v ON v.scan_id = w.scan_id
    GROUP BY w.scan_id
    HAVING COUNT(v.feature_index) <> @Width OR MIN(v.feature_index) <> 0 OR MAX(v.feature_index) <> @Width - 1
    ORDER BY w.scan_id;
    IF @Message IS NOT NULL
    BEGIN
        SET @Message = REPLACE(@Message, N'%', N'%%');
        THROW 50153, @Message, 1;
    END;

    -- Of combined features a value may be missing, in Python too.
    IF @RefuseMissing = 1 AND NOT EXISTS (SELECT 1 FROM dbo.feature_parts WHERE feature_set_id = @FeatureSetId)
        SELECT TOP (1) @Message = CONCAT(N'The feature ', feature_index, N' of the scan ', scan_id,
            N' is null, and no number. Generate or copy the features of the scan again.')
        FROM #vectors
        WHERE x IS NULL
        ORDER BY scan_id, feature_index;
    IF @Message IS NOT NULL
        THROW 50153, @Message, 1;
END;
