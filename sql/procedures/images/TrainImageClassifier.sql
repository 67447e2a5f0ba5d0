-- TrainImageClassifier: trains a model that tells the classes of pictures by their features, measures it and stores a new version.
-- Example: EXECUTE dbo.TrainImageClassifier @ModelName = N'faces', @Dataset = N'cmu_faces', @Pooling = N'none';
CREATE OR ALTER PROCEDURE dbo.TrainImageClassifier
    @ModelName NVARCHAR(128) = N'image_classes', -- name to store the model under; each run adds a version
    @Dataset NVARCHAR(128) = NULL,          -- data set of pictures; NULL means every picture with a label
    @DatasetVersion INT = NULL,             -- its version; NULL means the newest
    @NetworkName NVARCHAR(128) = NULL,      -- network of the features; NULL where one fits, or the setting default_network names one
    @Layer NVARCHAR(256) = NULL,            -- layer of the features; NULL where one fits
    @Algorithm NVARCHAR(32) = N'logistic',  -- logistic: each class against the rest; or lightgbm: boosted trees
    @Pooling NVARCHAR(32) = N'mean',        -- pooling of a group's pictures in their order; none takes every picture alone
    @Folds INT = 5,                         -- folds of the cross-validation, 2 to 20
    @Seed INT = 20170401,                   -- of folds, undersampling and LightGBM; 0 to 2147483647
    @Undersample BIT = 0,                   -- 1 learns from as many of each class as the rarest has
    @L2 FLOAT = NULL,                       -- penalty of logistic, 0.000001 to 1000000; NULL means chosen
    @LearningRate FLOAT = NULL,             -- of lightgbm: shrinkage of each tree, 0.001 to 1; NULL means 0.05
    @NumLeaves INT = NULL,                  -- of lightgbm: leaves of a tree, 2 to 1024; NULL means 7
    @MinDataInLeaf INT = NULL,              -- of lightgbm: pictures in a leaf at least, 1 to 10000; NULL means 10
    @MaxIterations INT = NULL,              -- of lightgbm: trees at most, 1 to 10000; NULL means 500
    @SkipMissing BIT = 0,                   -- 1 leaves out pictures without features; 0 refuses
    @Help BIT = 0                           -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.TrainImageClassifier learns two or more classes of pictures, or several labels a picture, from their features.
Pictures of a patient are in the patient''s part of dbo.splits, others with their group, else by themselves: AssignSplits draws. Training
is told no label of the part test. Figures go to dbo.image_metrics, confusion matrices to dbo.image_confusions, every picture''s score,
out of fold or of the part test, to dbo.image_scores. Probabilities after undersampling are those of equally frequent classes.
Parameters:
    @ModelName NVARCHAR(128) = N''image_classes''  name to store the model under; each run adds a version
    @Dataset NVARCHAR(128) = NULL                data set of pictures; NULL means every picture with a label
    @DatasetVersion INT = NULL                   its version; NULL means the newest
    @NetworkName NVARCHAR(128) = NULL            network of the features; NULL where one fits, or the setting default_network names one
    @Layer NVARCHAR(256) = NULL                  layer of the features; NULL where one fits
    @Algorithm NVARCHAR(32) = N''logistic''        logistic: each class against the rest; or lightgbm: boosted trees
    @Pooling NVARCHAR(32) = N''mean''              pooling of a group''s pictures in their order; none takes every picture alone
    @Folds INT = 5                               folds of the cross-validation, 2 to 20
    @Seed INT = 20170401                         of folds, undersampling and LightGBM; 0 to 2147483647
    @Undersample BIT = 0                         1 learns from as many of each class as the rarest has
    @L2 FLOAT = NULL                             penalty of logistic, 0.000001 to 1000000; NULL means chosen
    @LearningRate FLOAT = NULL                   of lightgbm: shrinkage of each tree, 0.001 to 1; NULL means 0.05
    @NumLeaves INT = NULL                        of lightgbm: leaves of a tree, 2 to 1024; NULL means 7
    @MinDataInLeaf INT = NULL                    of lightgbm: pictures in a leaf at least, 1 to 10000; NULL means 10
    @MaxIterations INT = NULL                    of lightgbm: trees at most, 1 to 10000; NULL means 500
    @SkipMissing BIT = 0                         1 leaves out pictures without features; 0 refuses
    @Help BIT = 0                                1 prints this help and does nothing else
Example:
    EXECUTE dbo.TrainImageClassifier @ModelName = N''faces'', @Dataset = N''cmu_faces'', @Pooling = N''none'';';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000), @Parameters NVARCHAR(MAX), @DatasetVersionId INT, @FeatureSetId INT, @IsExclusive BIT, @RunId INT;
    DECLARE @Classifier VARBINARY(MAX), @Library NVARCHAR(128), @Details NVARCHAR(MAX), @ErrorNumber INT, @ErrorMessage NVARCHAR(2000);
    DECLARE @Language NVARCHAR(128), @Version INT, @Packages NVARCHAR(MAX), @CpuSeconds FLOAT, @PeakMegabytes FLOAT;
    EXECUTE internal.ReadSettings @Language OUTPUT;
    CREATE TABLE #units (unit INT IDENTITY(1, 1) NOT NULL PRIMARY KEY, is_group BIT NOT NULL,
        name NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL, source NVARCHAR(140) COLLATE DATABASE_DEFAULT NOT NULL,
        part VARCHAR(10) COLLATE DATABASE_DEFAULT NULL, content_sha256 VARBINARY(32) NULL, UNIQUE (is_group, name));
    CREATE TABLE #members (name NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL PRIMARY KEY, is_group INT NOT NULL,
        unit_name NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL, group_order INT NULL, sha256 VARBINARY(32) NOT NULL,
        source NVARCHAR(140) COLLATE DATABASE_DEFAULT NOT NULL, part VARCHAR(10) COLLATE DATABASE_DEFAULT NULL, unit INT NULL,
        place INT NULL, source_number INT NULL);
    CREATE TABLE #known (unit INT NOT NULL, label INT NOT NULL, PRIMARY KEY (unit, label));
    CREATE TABLE #result (unit INT NULL, label INT NULL, fold INT NULL, score FLOAT NULL);
    CREATE TABLE #classes (label INT NOT NULL PRIMARY KEY);
    CREATE TABLE #true (part VARCHAR(10) COLLATE DATABASE_DEFAULT NOT NULL, example INT NOT NULL, label INT NOT NULL,
        PRIMARY KEY (part, example, label));
    CREATE TABLE #scored (part VARCHAR(10) COLLATE DATABASE_DEFAULT NOT NULL, example INT NOT NULL, label INT NOT NULL,
        value FLOAT NOT NULL, PRIMARY KEY (part, example, label));
    CREATE TABLE #confusion (
        part VARCHAR(10) COLLATE DATABASE_DEFAULT NOT NULL, label INT NOT NULL, predicted INT NOT NULL, examples INT NOT NULL,
        percentage FLOAT NULL);
    CREATE TABLE #measures (part VARCHAR(10) COLLATE DATABASE_DEFAULT NOT NULL, label INT NOT NULL,
        metric NVARCHAR(64) COLLATE DATABASE_DEFAULT NOT NULL, value FLOAT NULL);

    EXECUTE internal.CheckImageTraining @ModelName, @Algorithm, @Pooling, @Folds, @Seed, @Undersample, @L2, @LearningRate, @NumLeaves,
        @MinDataInLeaf, @MaxIterations, @SkipMissing, @Parameters OUTPUT;
    EXECUTE internal.ListPackages @Packages OUTPUT;
    EXECUTE internal.FindImageSet @Dataset, @DatasetVersion, @DatasetVersionId OUTPUT;
    EXECUTE internal.FindImageFeatures @NetworkName, @Layer, @FeatureSetId OUTPUT;
    EXECUTE dbo.AssignSplits;
    EXECUTE internal.TakeImageUnits @DatasetVersionId, @FeatureSetId, @Pooling, 1, @SkipMissing;
    EXECUTE internal.CheckImageUnits @FeatureSetId;
    SET @IsExclusive = CASE WHEN EXISTS (SELECT 1 FROM #known GROUP BY unit HAVING COUNT(*) > 1) THEN 0 ELSE 1 END;
    SET @Parameters = CONCAT(@Parameters, N', "exclusive": ', IIF(@IsExclusive = 1, N'true', N'false'), N'}');
    DECLARE @Arguments NVARCHAR(4000) = JSON_MODIFY(JSON_MODIFY(JSON_MODIFY(JSON_MODIFY(JSON_MODIFY(JSON_MODIFY(N'{}', N'$.model',
        @ModelName), N'$.dataset', @Dataset), N'$.feature_set_id', @FeatureSetId), N'$.algorithm', @Algorithm), N'$.pooling', @Pooling),
        N'$.seed', @Seed);
    EXECUTE internal.StartRun N'TrainImageClassifier', @RunId OUTPUT, @Arguments;
    SET @Message = CONCAT(@ModelName, N': ', (SELECT COUNT(*) FROM #units WHERE part = 'train'), N' pictures or groups to learn from, ',
        (SELECT COUNT(*) FROM #units WHERE part = 'test'), N' held out for testing.');
    EXECUTE internal.ReportStep @RunId, @Message, 0, 2;

    INSERT INTO #result (unit, label, fold, score)
    EXECUTE sp_execute_external_script
        @language = @Language,
        @script = N'
def main(pictures, pooling, parameters, packages):
    from lungdb.procedures import measured, train_image_classifier
    return measured(train_image_classifier, pictures, pooling, parameters, packages)

OutputDataSet, Classifier, Library, Details, ErrorNumber, ErrorMessage, CpuSeconds, PeakMegabytes = main(
    InputDataSet, Pooling, Parameters, Packages)
',
        @input_data_1 = N'
SELECT m.unit, m.source_number AS source, CASE WHEN m.part = ''test'' THEN '''' ELSE k.labels END AS labels, f.array_cols AS width,
    CONVERT(VARCHAR(MAX), f.array, 2) AS array, CONVERT(VARCHAR(64), f.sha256, 2) AS sha256
FROM #members AS m
INNER JOIN (
    SELECT unit, STRING_AGG(CAST(label AS VARCHAR(MAX)), '','') WITHIN GROUP (ORDER BY label) AS labels FROM #known GROUP BY unit
) AS k ON k.unit = m.unit
INNER JOIN dbo.image_features AS f ON f.name = m.name AND f.feature_set_id = @FeatureSetId
ORDER BY m.place;',
        @params = N'@FeatureSetId INT, @Pooling NVARCHAR(32), @Parameters NVARCHAR(MAX), @Packages NVARCHAR(MAX),
            @Classifier VARBINARY(MAX) OUTPUT, @Library NVARCHAR(128) OUTPUT, @Details NVARCHAR(MAX) OUTPUT, @ErrorNumber INT OUTPUT,
            @ErrorMessage NVARCHAR(2000) OUTPUT, @CpuSeconds FLOAT OUTPUT, @PeakMegabytes FLOAT OUTPUT',
        @FeatureSetId = @FeatureSetId, @Pooling = @Pooling, @Parameters = @Parameters, @Packages = @Packages,
        @Classifier = @Classifier OUTPUT, @Library = @Library OUTPUT, @Details = @Details OUTPUT, @ErrorNumber = @ErrorNumber OUTPUT,
        @ErrorMessage = @ErrorMessage OUTPUT,
        @CpuSeconds = @CpuSeconds OUTPUT, @PeakMegabytes = @PeakMegabytes OUTPUT;
    IF @ErrorNumber <> 0
        EXECUTE internal.EndRun @RunId, 0, @ErrorMessage;
    IF @ErrorNumber <> 0
    BEGIN
        SET @Message = REPLACE(@ErrorMessage, N'%', N'%%');
        THROW @ErrorNumber, @Message, 1;
    END;

    EXECUTE internal.CheckImageScores 'train', @RunId;
    EXECUTE internal.MeasureImageScores @IsExclusive;
    EXECUTE internal.ReportStep @RunId, N'Trained and measured; storing.', 1, 2, NULL, NULL, NULL, @CpuSeconds, @PeakMegabytes;
    EXECUTE internal.StoreImageClassifier @ModelName, @Library, @FeatureSetId, @Pooling, @IsExclusive, @DatasetVersionId, @Seed,
        @Classifier, @Details, @RunId, @Version OUTPUT;
    EXECUTE internal.EndRun @RunId;
END;
