-- StoreModelNodes: writes a model into tables from which plain T-SQL scores it, and checks its scores there against Python's.
-- Example: EXECUTE dbo.StoreModelNodes @ModelName = N'lightgbm_sql';
CREATE OR ALTER PROCEDURE dbo.StoreModelNodes
    @ModelName NVARCHAR(128) = N'lightgbm_sql', -- name of a model in dbo.classifiers
    @Version INT = NULL,                        -- version of the model; NULL means the champion, else the newest
    @Help BIT = 0                               -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.StoreModelNodes writes a model into dbo.model_scoring, dbo.model_nodes or dbo.model_coefficients, and
dbo.model_calibration, from which PredictLungCancerSql and PredictPatientsSql score it with T-SQL alone, here or on a server
without external scripts.
It scores every scan that has features both ways and keeps the largest difference in dbo.model_checks; below 1e-6 is needed.
Training calls it; call it for models that were trained before, and to check one again on new patients.
Parameters:
    @ModelName NVARCHAR(128) = N''lightgbm_sql''  name of a model in dbo.classifiers
    @Version INT = NULL                         version of the model; NULL means the champion, else the newest
    @Help BIT = 0                               1 prints this help and does nothing else
Example:
    EXECUTE dbo.StoreModelNodes @ModelName = N''lightgbm_sql'';';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000), @ErrorNumber INT, @ErrorMessage NVARCHAR(2000), @ClassifierId INT, @FeatureSetId INT,
        @Pooling NVARCHAR(32);
    DECLARE @Classifier VARBINARY(MAX), @Sha256 VARCHAR(64), @Library NVARCHAR(32), @Details NVARCHAR(MAX), @Number INT,
        @Json NVARCHAR(MAX);
    DECLARE @Scores NVARCHAR(MAX), @Width INT, @Trees INT, @Divisor FLOAT, @Steepness FLOAT, @Patients INT, @Difference FLOAT,
        @Text NVARCHAR(30);
    DECLARE @Language NVARCHAR(128);
    EXECUTE internal.ReadSettings @Language OUTPUT;
    CREATE TABLE #given (
        tree INT NOT NULL, node INT NOT NULL, feature_index INT NOT NULL, threshold FLOAT NULL, missing VARCHAR(4) NULL,
        default_left INT NOT NULL, left_node INT NOT NULL, right_node INT NOT NULL, leaf_value FLOAT NULL, PRIMARY KEY (tree, node));
    CREATE TABLE #expected (scan_id INT NOT NULL PRIMARY KEY, raw FLOAT NOT NULL, probability FLOAT NOT NULL);
    CREATE TABLE #wanted (scan_id INT NOT NULL PRIMARY KEY);
    CREATE TABLE #scores (scan_id INT NOT NULL PRIMARY KEY, raw FLOAT NOT NULL, probability FLOAT NOT NULL);

    EXECUTE internal.FindClassifier @ModelName, @Version, @ClassifierId OUTPUT;
    SELECT @FeatureSetId = c.feature_set_id, @Pooling = c.pooling, @Classifier = c.model, @Library = c.library, @Details = c.details,
        @Sha256 = CONVERT(VARCHAR(64), c.sha256, 2), @Number = c.version
    FROM dbo.classifiers AS c
    WHERE c.classifier_id = @ClassifierId;

    INSERT INTO #given (tree, node, feature_index, threshold, missing, default_left, left_node, right_node, leaf_value)
    EXECUTE sp_execute_external_script
        @language = @Language,
        @script = N'
def main(patients, model, sha256, library, details):
    from lungdb.procedures import model_nodes
    return model_nodes(patients, model, sha256, library, details)

OutputDataSet, Scores, Width, Trees, Divisor, Steepness, ErrorNumber, ErrorMessage = main(
    InputDataSet, Classifier, Sha256, Library, Details)
',
        @input_data_1 = N'
SELECT f.scan_id, f.vector
FROM dbo.pooled_features AS f
WHERE f.feature_set_id = @FeatureSetId AND f.pooling = @Pooling
ORDER BY f.scan_id;',
        @params = N'@FeatureSetId INT, @Pooling NVARCHAR(32), @Classifier VARBINARY(MAX), @Sha256 VARCHAR(64), @Library NVARCHAR(32),
            @Details NVARCHAR(MAX), @Scores NVARCHAR(MAX) OUTPUT, @Width INT OUTPUT, @Trees INT OUTPUT, @Divisor FLOAT OUTPUT,
            @Steepness FLOAT OUTPUT, @ErrorNumber INT OUTPUT, @ErrorMessage NVARCHAR(2000) OUTPUT',
        @FeatureSetId = @FeatureSetId, @Pooling = @Pooling, @Classifier = @Classifier, @Sha256 = @Sha256, @Library = @Library,
        @Details = @Details, @Scores = @Scores OUTPUT, @Width = @Width OUTPUT, @Trees = @Trees OUTPUT, @Divisor = @Divisor OUTPUT,
        @Steepness = @Steepness OUTPUT, @ErrorNumber = @ErrorNumber OUTPUT, @ErrorMessage = @ErrorMessage OUTPUT;
    IF @ErrorNumber <> 0
    BEGIN
        SET @Message = REPLACE(@ErrorMessage, N'%', N'%%');
        THROW @ErrorNumber, @Message, 1;
    END;
    INSERT INTO #expected (scan_id, raw, probability)
    SELECT CAST(JSON_VALUE([value], N'$[0]') AS INT), CAST(JSON_VALUE([value], N'$[1]') AS FLOAT),
        CAST(JSON_VALUE([value], N'$[2]') AS FLOAT)
    FROM OPENJSON(@Scores);
    INSERT INTO #wanted (scan_id)
    SELECT scan_id FROM #expected;

    BEGIN TRANSACTION;
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

    EXECUTE internal.ScoreScansSql @ClassifierId, NULL;
    SELECT @Patients = COUNT(*), @Difference = COALESCE(MAX(d.difference), 0)
    FROM (
        SELECT CASE
            WHEN ABS(s.raw - e.raw) > ABS(s.probability - e.probability) THEN ABS(s.raw - e.raw)
            ELSE ABS(s.probability - e.probability) END AS difference
        FROM #scores AS s
        INNER JOIN #expected AS e ON e.scan_id = s.scan_id) AS d;
    INSERT INTO dbo.model_checks (classifier_id, patients, max_difference) VALUES (@ClassifierId, @Patients, @Difference);
    COMMIT TRANSACTION;
    SET @Text = CONVERT(NVARCHAR(30), @Difference, 1);
    IF @Difference < CAST(N'1e-6' AS FLOAT)
        RAISERROR(N'%s version %d can be scored with T-SQL alone: checked on %d scans, largest difference %s.', 0, 1,
            @ModelName, @Number, @Patients, @Text) WITH NOWAIT;
    ELSE
        RAISERROR(N'%s version %d cannot be scored with T-SQL alone: on %d scans the largest difference is %s, where 1e-6 is allowed.',
            0, 1, @ModelName, @Number, @Patients, @Text) WITH NOWAIT;
END;
