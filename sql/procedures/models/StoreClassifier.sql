-- StoreClassifier: stores a classifier that was trained elsewhere as the next version of a name, bound to the features that it reads.
-- Example: EXECUTE dbo.StoreClassifier @ModelName = N'theirs', @FeatureSetId = 1, @Library = N'onnx', @Classifier = 0x00, @Details = N'{}';
CREATE OR ALTER PROCEDURE dbo.StoreClassifier
    @ModelName NVARCHAR(128) = NULL,    -- name to store the classifier under; needed
    @FeatureSetId INT = NULL,           -- feature set that it reads, of dbo.feature_sets; needed
    @Pooling NVARCHAR(32) = N'mean',    -- pooling that it reads, or combined
    @Library NVARCHAR(32) = NULL,       -- lightgbm or onnx; needed
    @Classifier VARBINARY(MAX) = NULL,  -- LightGBM's model text in UTF-8, or ONNX; needed
    @Details NVARCHAR(MAX) = NULL,      -- JSON with width, the number of its features, and prevalence, or null; needed
    @Dataset NVARCHAR(128) = NULL,      -- data set of scans that it was trained on; NULL means that this is not known
    @DatasetVersion INT = NULL,         -- its version; NULL means the newest
    @Help BIT = 0                       -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.StoreClassifier stores a classifier that was trained elsewhere; lungdb load-classifier calls it.
A classifier that reads another number of features than its feature set and pooling have is refused. What it learnt from is not known:
it is marked as imported in details.origin. A data set that is said to be what it was trained on is what scans are compared with, to say
of a score whether it stands outside; whoever measures the model needs force all the same. It returns a row: classifier_id and version.
Called again with the origin.load_id in @Details that a stored version of the name has, it stores nothing and returns that version.
Parameters:
    @ModelName NVARCHAR(128) = NULL    name to store the classifier under; needed
    @FeatureSetId INT = NULL           feature set that it reads, of dbo.feature_sets; needed
    @Pooling NVARCHAR(32) = N''mean''    pooling that it reads, or combined
    @Library NVARCHAR(32) = NULL       lightgbm or onnx; needed
    @Classifier VARBINARY(MAX) = NULL  LightGBM''s model text in UTF-8, or ONNX; needed
    @Details NVARCHAR(MAX) = NULL      JSON with width, the number of its features, and prevalence, or null; needed
    @Dataset NVARCHAR(128) = NULL      data set of scans that it was trained on; NULL means that this is not known
    @DatasetVersion INT = NULL         its version; NULL means the newest
    @Help BIT = 0                      1 prints this help and does nothing else
Example:
    EXECUTE dbo.StoreClassifier @ModelName = N''theirs'', @FeatureSetId = 1, @Library = N''onnx'', @Classifier = 0x00, @Details = N''{}'';';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000) = N'', @Width INT, @Expected INT, @Version INT, @ClassifierId INT, @Vector NVARCHAR(MAX),
        @DatasetVersionId INT;
    CREATE TABLE #scope (
        item VARCHAR(16) COLLATE DATABASE_DEFAULT NOT NULL, position INT NOT NULL, low FLOAT NULL, high FLOAT NULL,
        text NVARCHAR(64) COLLATE DATABASE_DEFAULT NULL, scans INT NOT NULL);
    CREATE TABLE #scope_features (feature_index INT NOT NULL PRIMARY KEY, mean FLOAT NOT NULL, sd FLOAT NOT NULL);
    CREATE TABLE #taught (
        scan_id INT NOT NULL PRIMARY KEY, patient_id NVARCHAR(64) COLLATE DATABASE_DEFAULT NOT NULL, is_held_out BIT NOT NULL);
    SELECT @Message = CONCAT(@Message, STRING_AGG(CONCAT(N'The value ', COALESCE(N'''' + a.given + N'''', N'NULL'),
        N' for the parameter ', a.name, N' is not supported. Supported ', a.supported, N'. '), N''))
    FROM (
        VALUES
            (N'@ModelName', @ModelName, N'are names of 1 to 128 characters', IIF(@ModelName <> N'', 1, 0)),
            (N'@Library', @Library, N'are lightgbm and onnx', IIF(@Library IN (N'lightgbm', N'onnx'), 1, 0)),
            (N'@Pooling', @Pooling, N'are mean, max, mean_max_std and the other poolings of GenerateFeatures, and combined',
                IIF(@Pooling <> N'', 1, 0)),
            (N'@Classifier', NULL, N'are bytes of a classifier', IIF(DATALENGTH(@Classifier) > 0, 1, 0)),
            (N'@Details', LEFT(@Details, 100), N'is a JSON object with width above 0, and prevalence between 0 and 1 or null', CASE
                WHEN ISJSON(@Details) = 1 AND TRY_CAST(JSON_VALUE(@Details, N'$.width') AS INT) > 0
                    AND COALESCE(TRY_CAST(JSON_VALUE(@Details, N'$.prevalence') AS FLOAT), 0.5) > 0
                    AND COALESCE(TRY_CAST(JSON_VALUE(@Details, N'$.prevalence') AS FLOAT), 0.5) < 1 THEN 1
                ELSE 0 END)
    ) AS a (name, given, supported, is_supported)
    WHERE a.is_supported = 0;
    IF @Message <> N''
    BEGIN
        SET @Message = REPLACE(LEFT(@Message, 1900), N'%', N'%%');
        THROW 50101, @Message, 1;
    END;
    EXECUTE internal.FindScansOfDataset @Dataset, @DatasetVersion, @DatasetVersionId OUTPUT;

    SET @Expected = (SELECT width FROM dbo.feature_sets WHERE feature_set_id = @FeatureSetId);
    IF @Expected IS NULL OR (@Pooling = N'combined' AND NOT EXISTS (
        SELECT 1 FROM dbo.feature_parts WHERE feature_set_id = @FeatureSetId))
    BEGIN
        SET @Message = CONCAT(N'There is no feature set ', COALESCE(CAST(@FeatureSetId AS NVARCHAR(12)), N'NULL'), N' of pooling ',
            @Pooling, N'. Give one of dbo.feature_sets; GenerateFeatures makes them.');
        SET @Message = REPLACE(@Message, N'%', N'%%');
        THROW 50117, @Message, 1;
    END;
    -- Where vectors are there they say how wide they are; else the pooling does.
    SET @Vector = (SELECT TOP (1) vector FROM dbo.pooled_features WHERE feature_set_id = @FeatureSetId AND pooling = @Pooling);
    SET @Expected = COALESCE(
        NULLIF((SELECT COUNT(*) FROM OPENJSON(@Vector)), 0), 
        (SELECT COALESCE(width, @Expected * times) FROM dbo.poolings WHERE pooling = @Pooling), @Expected);
    SET @Width = CAST(JSON_VALUE(@Details, N'$.width') AS INT);
    IF @Width <> @Expected
    BEGIN
        SET @Message = CONCAT(N'The classifier reads ', @Width, N' features, and the vectors of feature set ', @FeatureSetId,
            N' and pooling ', @Pooling, N' have ', @Expected, N'. Name the features that it was trained on.');
        SET @Message = REPLACE(@Message, N'%', N'%%');
        THROW 50110, @Message, 1;
    END;

    -- It may read the vectors of many scans, so nobody is kept waiting for that.
    IF @DatasetVersionId IS NOT NULL
        EXECUTE internal.TakeImportedScope @FeatureSetId, @Pooling, @DatasetVersionId;

    IF JSON_QUERY(@Details, N'$.origin') IS NULL
        SET @Details = JSON_MODIFY(@Details, N'$.origin', JSON_QUERY(N'{}'));
    SET @Details = JSON_MODIFY(@Details, N'$.origin.kind', N'imported');
    IF @DatasetVersionId IS NOT NULL
        SET @Details = JSON_MODIFY(@Details, N'$.origin.trained_on', (
            SELECT CONCAT(d.name, N' version ', v.version)
            FROM dbo.dataset_versions AS v
            INNER JOIN dbo.datasets AS d ON d.dataset_id = v.dataset_id
            WHERE v.dataset_version_id = @DatasetVersionId));
    BEGIN TRANSACTION;
    IF NOT EXISTS (SELECT 1 FROM dbo.feature_sets WITH (UPDLOCK, HOLDLOCK) WHERE feature_set_id = @FeatureSetId)
    BEGIN
        SET @Message = N'The feature set was deleted while the classifier was stored. Nothing is stored. Name another one.';
        THROW 50232, @Message, 1;
    END;
    SET @Version = (SELECT COALESCE(MAX(version), 0) + 1 FROM dbo.classifiers WITH (UPDLOCK, HOLDLOCK) WHERE name = @ModelName);
    -- Who lost the answer to a commit calls again.
    SELECT @ClassifierId = classifier_id, @Version = version
    FROM dbo.classifiers
    WHERE name = @ModelName AND JSON_VALUE(details, N'$.origin.load_id') = JSON_VALUE(@Details, N'$.origin.load_id');
    IF @ClassifierId IS NOT NULL
    BEGIN
        COMMIT TRANSACTION;
        SELECT @ClassifierId AS classifier_id, @Version AS version;
        RETURN 0;
    END;
    EXECUTE internal.CheckTask @ModelName, 'classification';
    INSERT INTO dbo.classifiers (name, version, library, feature_set_id, pooling, model, sha256, details)
    VALUES (@ModelName, @Version, LOWER(@Library), @FeatureSetId, @Pooling, @Classifier, HASHBYTES('SHA2_256', @Classifier), @Details);
    SET @ClassifierId = SCOPE_IDENTITY();
    EXECUTE internal.KeepChampion @ClassifierId;
    IF @DatasetVersionId IS NOT NULL
        EXECUTE internal.StoreScope @ClassifierId;
    COMMIT TRANSACTION;
    SELECT @ClassifierId AS classifier_id, @Version AS version;
END;
