-- StoreNodes: stores the rows of a model from which plain T-SQL scores it, checks its scores against Python's, and says how far they
-- are apart; inside the caller's transaction.
-- Called by StoreModelNodes, TrainModel and CreateEnsemble, whose table #given it reads.
CREATE OR ALTER PROCEDURE internal.StoreNodes
    @ModelName NVARCHAR(128),      -- name of the model
    @Version INT,                  -- its version
    @Width INT,                    -- number of features of a vector
    @Trees INT,                    -- number of trees, 0 for what has none
    @Divisor FLOAT,                -- as of dbo.model_scoring
    @Steepness FLOAT,              -- as of dbo.model_scoring
    @Scores NVARCHAR(MAX),         -- JSON array of [scan_id, raw, probability], Python's; of a regression probability is null
    @Said NVARCHAR(2000) OUTPUT,   -- what to tell
    @Sha256 VARBINARY(32) = NULL   -- the SHA-256 of the model that the rows were read from, where that is known
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @ClassifierId INT, @Classifier VARBINARY(MAX), @Details NVARCHAR(MAX), @Json NVARCHAR(MAX);
    DECLARE @Patients INT, @Difference FLOAT, @Digest VARBINARY(32), @Before VARBINARY(32), @Text NVARCHAR(30);
    CREATE TABLE #expected (scan_id INT NOT NULL PRIMARY KEY, raw FLOAT NOT NULL, probability FLOAT NULL);
    CREATE TABLE #wanted (scan_id INT NOT NULL PRIMARY KEY);
    CREATE TABLE #scores (scan_id INT NOT NULL PRIMARY KEY, raw FLOAT NOT NULL, probability FLOAT NULL);

    SELECT @ClassifierId = c.classifier_id, @Classifier = c.model, @Details = c.details
    FROM dbo.classifiers AS c WITH (UPDLOCK, HOLDLOCK)
    WHERE c.name = @ModelName AND c.version = @Version AND (@Sha256 IS NULL OR c.sha256 = @Sha256);
    IF @ClassifierId IS NULL
    BEGIN
        SET @Message = REPLACE(CONCAT(N'The model ''', @ModelName, N''' version ', @Version,
            N' was deleted or replaced while it was read. Nothing is stored. Call it again.'), N'%', N'%%');
        THROW 50232, @Message, 1;
    END;
    SELECT TOP (1) @Message = CONCAT(N'The member ''', c.name, N''' version ', c.version, N' of the ensemble ''', @ModelName,
        N''' version ', @Version, N' has no rows that plain T-SQL scores it from. Call StoreModelNodes for it first.')
    FROM dbo.ensemble_members AS m
    INNER JOIN dbo.classifiers AS c ON c.classifier_id = m.member_classifier_id
    LEFT JOIN dbo.model_scoring AS s ON s.classifier_id = m.member_classifier_id
    WHERE m.classifier_id = @ClassifierId AND s.rows_sha256 IS NULL
    ORDER BY m.position;
    IF @Message IS NOT NULL
    BEGIN
        SET @Message = REPLACE(@Message, N'%', N'%%');
        THROW 50150, @Message, 1;
    END;
    -- Scans that were removed meanwhile cannot be compared.
    INSERT INTO #expected (scan_id, raw, probability)
    SELECT CAST(JSON_VALUE([value], N'$[0]') AS INT), CAST(JSON_VALUE([value], N'$[1]') AS FLOAT),
        CAST(JSON_VALUE([value], N'$[2]') AS FLOAT)
    FROM OPENJSON(@Scores);
    INSERT INTO #wanted (scan_id)
    SELECT e.scan_id
    FROM #expected AS e
    INNER JOIN dbo.classifiers AS c ON c.classifier_id = @ClassifierId
    INNER JOIN dbo.pooled_features AS f WITH (UPDLOCK, HOLDLOCK) ON f.scan_id = e.scan_id AND f.feature_set_id = c.feature_set_id
        AND f.pooling = c.pooling;

    SET @Before = (SELECT rows_sha256 FROM dbo.model_scoring WHERE classifier_id = @ClassifierId);
    EXECUTE internal.DeleteModelNodes @ClassifierId;
    SET @Json = CASE WHEN @Trees = 0 THEN CAST(CAST(@Classifier AS VARCHAR(MAX)) AS NVARCHAR(MAX)) END;
    INSERT INTO dbo.model_scoring (classifier_id, width, trees, divisor, steepness, intercept, prevalence)
    VALUES (@ClassifierId, @Width, @Trees, @Divisor, @Steepness, COALESCE(CAST(JSON_VALUE(@Json, N'$.intercept') AS FLOAT), 0),
        CAST(JSON_VALUE(@Details, N'$.prevalence') AS FLOAT));
    INSERT INTO dbo.model_nodes (classifier_id, tree, node, feature_index, threshold, missing, default_left, left_node, right_node,
        leaf_value)
    SELECT @ClassifierId, tree, node, NULLIF(feature_index, -1), threshold, missing, CASE WHEN missing IS NOT NULL THEN default_left END,
        NULLIF(left_node, -1), NULLIF(right_node, -1), leaf_value
    FROM #given;
    INSERT INTO dbo.model_coefficients (classifier_id, feature_index, mean, scale, coefficient)
    SELECT @ClassifierId, CAST(c.[key] AS INT), CAST(m.[value] AS FLOAT), CAST(s.[value] AS FLOAT), CAST(c.[value] AS FLOAT)
    FROM OPENJSON(@Json, N'$.coefficients') AS c
    INNER JOIN OPENJSON(@Json, N'$.mean') AS m ON m.[key] = c.[key]
    INNER JOIN OPENJSON(@Json, N'$.scale') AS s ON s.[key] = c.[key];
    INSERT INTO dbo.model_calibration (classifier_id, position, method, x, y)
    SELECT @ClassifierId, 0, 'platt', CAST(JSON_VALUE(@Details, N'$.calibration.slope') AS FLOAT),
        CAST(JSON_VALUE(@Details, N'$.calibration.intercept') AS FLOAT)
    WHERE JSON_VALUE(@Details, N'$.calibration.method') = N'platt';
    INSERT INTO dbo.model_calibration (classifier_id, position, method, x, y)
    SELECT @ClassifierId, CAST(x.[key] AS INT), 'isotonic', CAST(x.[value] AS FLOAT), CAST(y.[value] AS FLOAT)
    FROM OPENJSON(@Details, N'$.calibration.x') AS x
    INNER JOIN OPENJSON(@Details, N'$.calibration.y') AS y ON y.[key] = x.[key];
    EXECUTE internal.StoreModelTensors @ClassifierId;
    EXECUTE internal.DigestModelRows @ClassifierId, @Digest OUTPUT;
    UPDATE dbo.model_scoring SET rows_sha256 = @Digest WHERE classifier_id = @ClassifierId;

    EXECUTE internal.ScoreScansSql @ClassifierId, NULL;
    SELECT @Patients = COUNT(*), @Difference = COALESCE(MAX(d.difference), 0)
    FROM (
        -- Of numbers beyond 1, which a regression predicts, relative to them.
        SELECT CASE
            WHEN e.probability IS NULL OR ABS(s.raw - e.raw) > ABS(s.probability - e.probability)
                THEN ABS(s.raw - e.raw) / IIF(ABS(e.raw) > 1, ABS(e.raw), 1)
            ELSE ABS(s.probability - e.probability) END AS difference
        FROM #scores AS s
        INNER JOIN #expected AS e ON e.scan_id = s.scan_id) AS d;
    INSERT INTO dbo.model_checks (classifier_id, patients, max_difference) VALUES (@ClassifierId, @Patients, @Difference);

    SET @Text = CONVERT(NVARCHAR(30), @Difference, 1);
    SET @Said = CONCAT(@ModelName, N' version ', @Version, IIF(@Difference < CAST(N'1e-6' AS FLOAT),
        CONCAT(N' can be scored with T-SQL alone: checked on ', @Patients, N' scans, largest difference ', @Text, N'.'),
        CONCAT(N' cannot be scored with T-SQL alone: on ', @Patients, N' scans the largest difference is ', @Text,
            N', where 1e-6 is allowed.')),
        IIF(@Before <> @Digest, N' The rows that were stored before were others.', N''));
END;
