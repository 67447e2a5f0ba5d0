-- PredictImages: scores the pictures of a data set, or all, that a model of pictures has not scored, and gives the scores of all of them.
-- Example: EXECUTE dbo.PredictImages @ModelName = N'faces';
CREATE OR ALTER PROCEDURE dbo.PredictImages
    @ModelName NVARCHAR(128) = N'image_classes', -- name of a model in dbo.image_classifiers
    @Version INT = NULL,                    -- its version; NULL means the champion, which a message names
    @Dataset NVARCHAR(128) = NULL,          -- data set of pictures; NULL means every picture with features
    @DatasetVersion INT = NULL,             -- its version; NULL means the newest
    @Help BIT = 0                           -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.PredictImages scores pictures, or groups of them where the model pools those, and keeps the scores in dbo.image_scores.
What was scored is not scored again unless its pictures were replaced: what the model was trained on keeps its out-of-fold scores.
It returns name, is_group, part, label, class and score, a row for each class.
Parameters:
    @ModelName NVARCHAR(128) = N''image_classes''  name of a model in dbo.image_classifiers
    @Version INT = NULL                          its version; NULL means the champion, which a message names
    @Dataset NVARCHAR(128) = NULL                data set of pictures; NULL means every picture with features
    @DatasetVersion INT = NULL                   its version; NULL means the newest
    @Help BIT = 0                                1 prints this help and does nothing else
Example:
    EXECUTE dbo.PredictImages @ModelName = N''faces'';';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000), @Id INT, @FeatureSetId INT, @Pooling NVARCHAR(32), @DatasetVersionId INT;
    DECLARE @Model VARBINARY(MAX), @Sha256 VARCHAR(64), @Library NVARCHAR(32), @Details NVARCHAR(MAX), @Found INT, @Language NVARCHAR(128);
    DECLARE @Why NVARCHAR(20), @Packages NVARCHAR(MAX);
    DECLARE @ErrorNumber INT, @ErrorMessage NVARCHAR(2000), @CpuSeconds FLOAT, @PeakMegabytes FLOAT;
    EXECUTE internal.ReadSettings @Language OUTPUT;
    EXECUTE internal.ListPackages @Packages OUTPUT;
    EXECUTE internal.FindImageClassifier @ModelName, @Version, @Id OUTPUT;
    SELECT @FeatureSetId = feature_set_id, @Pooling = pooling, @Model = model, @Library = library,
        @Sha256 = CONVERT(VARCHAR(64), sha256, 2), @Details = details
    FROM dbo.image_classifiers
    WHERE image_classifier_id = @Id;
    IF @Version IS NULL
    BEGIN
        SELECT @Found = version, @Why = why FROM dbo.served_image_models WHERE name = @ModelName;
        RAISERROR(N'%s version %d, %s, gives the scores.', 0, 1, @ModelName, @Found, @Why) WITH NOWAIT;
    END;

    CREATE TABLE #units (unit INT IDENTITY(1, 1) NOT NULL PRIMARY KEY, is_group BIT NOT NULL,
        name NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL, source NVARCHAR(140) COLLATE DATABASE_DEFAULT NOT NULL,
        part VARCHAR(10) COLLATE DATABASE_DEFAULT NULL, content_sha256 VARBINARY(32) NULL, UNIQUE (is_group, name));
    CREATE TABLE #members (name NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL PRIMARY KEY, is_group INT NOT NULL,
        unit_name NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL, group_order INT NULL, sha256 VARBINARY(32) NOT NULL,
        source NVARCHAR(140) COLLATE DATABASE_DEFAULT NOT NULL, part VARCHAR(10) COLLATE DATABASE_DEFAULT NULL, unit INT NULL,
        place INT NULL, source_number INT NULL);
    CREATE TABLE #known (unit INT NOT NULL, label INT NOT NULL, PRIMARY KEY (unit, label));
    CREATE TABLE #wanted (is_group BIT NOT NULL, name NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL,
        content_sha256 VARBINARY(32) NOT NULL, PRIMARY KEY (is_group, name));
    CREATE TABLE #result (unit INT NULL, label INT NULL, score FLOAT NULL);
    CREATE TABLE #classes (label INT NOT NULL PRIMARY KEY);
    INSERT INTO #classes (label)
    SELECT CAST(j.[value] AS INT)
    FROM (SELECT JSON_QUERY(@Details, N'$.classes') AS classes) AS d
    CROSS APPLY OPENJSON(d.classes) AS j;

    EXECUTE internal.FindImageSet @Dataset, @DatasetVersion, @DatasetVersionId OUTPUT;
    EXECUTE internal.TakeImageUnits @DatasetVersionId, @FeatureSetId, @Pooling, 0, 1;
    INSERT INTO #wanted (is_group, name, content_sha256)
    SELECT is_group, name, content_sha256 FROM #units;
    DELETE FROM #units
    WHERE EXISTS (
        SELECT 1 FROM dbo.image_scores AS s
        WHERE s.image_classifier_id = @Id AND s.is_group = #units.is_group AND s.name = #units.name
            AND s.content_sha256 = #units.content_sha256);
    DELETE FROM #members WHERE unit NOT IN (SELECT unit FROM #units);
    DECLARE @RunId INT, @Arguments NVARCHAR(4000) = JSON_MODIFY(JSON_MODIFY(JSON_MODIFY(N'{}', N'$.model', @ModelName), N'$.version',
        @Version), N'$.dataset', @Dataset);
    EXECUTE internal.StartRun N'PredictImages', @RunId OUTPUT, @Arguments;
    SET @ErrorNumber = 0;
    IF EXISTS (SELECT 1 FROM #units)
        INSERT INTO #result (unit, label, score)
        EXECUTE sp_execute_external_script
            @language = @Language,
            @script = N'
def main(pictures, pooling, model, sha256, library, details, packages):
    from lungdb.procedures import measured, predict_images
    return measured(predict_images, pictures, pooling, model, sha256, library, details, packages)

OutputDataSet, ErrorNumber, ErrorMessage, CpuSeconds, PeakMegabytes = main(
    InputDataSet, Pooling, Model, Sha256, Library, Details, Packages)
',
            @input_data_1 = N'
SELECT m.unit, m.source_number AS source, CAST('''' AS VARCHAR(8)) AS labels, f.array_cols AS width,
    CONVERT(VARCHAR(MAX), f.array, 2) AS array, CONVERT(VARCHAR(64), f.sha256, 2) AS sha256
FROM #members AS m
INNER JOIN dbo.image_features AS f ON f.name = m.name AND f.feature_set_id = @FeatureSetId
ORDER BY m.place;',
            @params = N'@FeatureSetId INT, @Pooling NVARCHAR(32), @Model VARBINARY(MAX), @Sha256 VARCHAR(64), @Library NVARCHAR(32),
                @Details NVARCHAR(MAX), @Packages NVARCHAR(MAX), @ErrorNumber INT OUTPUT, @ErrorMessage NVARCHAR(2000) OUTPUT,
                @CpuSeconds FLOAT OUTPUT, @PeakMegabytes FLOAT OUTPUT',
            @FeatureSetId = @FeatureSetId, @Pooling = @Pooling, @Model = @Model, @Sha256 = @Sha256, @Library = @Library,
            @Details = @Details, @Packages = @Packages, @ErrorNumber = @ErrorNumber OUTPUT, @ErrorMessage = @ErrorMessage OUTPUT,
            @CpuSeconds = @CpuSeconds OUTPUT, @PeakMegabytes = @PeakMegabytes OUTPUT;
    IF @ErrorNumber <> 0
        EXECUTE internal.EndRun @RunId, 0, @ErrorMessage;
    IF @ErrorNumber <> 0
    BEGIN
        SET @Message = REPLACE(@ErrorMessage, N'%', N'%%');
        THROW @ErrorNumber, @Message, 1;
    END;

    EXECUTE internal.CheckImageScores NULL, @RunId;
    EXECUTE internal.ReportStep @RunId, N'Scored; storing.', NULL, NULL, NULL, NULL, NULL, @CpuSeconds, @PeakMegabytes;
    INSERT INTO dbo.image_scores (image_classifier_id, is_group, name, content_sha256, label, part, score)
    SELECT @Id, u.is_group, u.name, u.content_sha256, r.label, 'new', r.score
    FROM #result AS r
    INNER JOIN #units AS u ON u.unit = r.unit
    WHERE NOT EXISTS (
        SELECT 1 FROM dbo.image_scores AS s WITH (UPDLOCK, HOLDLOCK)
        WHERE s.image_classifier_id = @Id AND s.is_group = u.is_group AND s.name = u.name AND s.content_sha256 = u.content_sha256);
    EXECUTE internal.EndRun @RunId;
    SELECT s.name, s.is_group, s.part, s.label, c.name AS class, s.score
    FROM dbo.image_scores AS s
    INNER JOIN #wanted AS w ON w.is_group = s.is_group AND w.name = s.name AND w.content_sha256 = s.content_sha256
    LEFT JOIN dbo.image_classes AS c ON c.label = s.label
    WHERE s.image_classifier_id = @Id
    ORDER BY s.is_group, s.name, s.label;
END;
