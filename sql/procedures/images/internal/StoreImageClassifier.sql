-- StoreImageClassifier: stores a model of pictures as the next version of its name, with figures and scores, in one transaction, and says
-- how good it is. Called by TrainImageClassifier, whose tables it reads.
CREATE OR ALTER PROCEDURE internal.StoreImageClassifier
    @ModelName NVARCHAR(128),    -- name of the model
    @Library NVARCHAR(32),       -- logistic or lightgbm
    @FeatureSetId INT,           -- feature set that it reads
    @Pooling NVARCHAR(32),       -- pooling of groups
    @IsExclusive BIT,            -- 1 where a picture has one class
    @DatasetVersionId INT,       -- what it was trained on, or NULL
    @Seed INT,                   -- seed of the run
    @Classifier VARBINARY(MAX),  -- the model
    @Details NVARCHAR(MAX),      -- JSON
    @RunId INT,                  -- row of dbo.runs
    @Version INT OUTPUT          -- version given
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Id INT;
    BEGIN TRANSACTION;
    IF NOT EXISTS (SELECT 1 FROM dbo.feature_sets WITH (UPDLOCK, HOLDLOCK) WHERE feature_set_id = @FeatureSetId)
    BEGIN
        ROLLBACK TRANSACTION;
        SET @Message = N'The feature set was deleted while the model was trained. Nothing is stored. Train on another one.';
        EXECUTE internal.EndRun @RunId, 0, @Message;
        THROW 50232, @Message, 1;
    END;
    SET @Version = (SELECT COALESCE(MAX(version), 0) + 1 FROM dbo.image_classifiers WITH (UPDLOCK, HOLDLOCK) WHERE name = @ModelName);
    INSERT INTO dbo.image_classifiers (
        name, version, library, feature_set_id, pooling, is_exclusive, dataset_version_id, seed, model, sha256, details)
    VALUES (@ModelName, @Version, @Library, @FeatureSetId, LOWER(@Pooling), @IsExclusive, @DatasetVersionId, @Seed, @Classifier,
        HASHBYTES('SHA2_256', @Classifier), @Details);
    SET @Id = SCOPE_IDENTITY();
    INSERT INTO dbo.image_promotions (name, image_classifier_id, metric, forced)
    SELECT c.name, COALESCE(b.image_classifier_id, c.image_classifier_id),
        CASE WHEN b.image_classifier_id IS NULL THEN N'first version' ELSE N'served before' END, 0
    FROM dbo.image_classifiers AS c
    LEFT JOIN dbo.image_classifiers AS b ON b.name = c.name AND b.version = (
        SELECT MAX(o.version) FROM dbo.image_classifiers AS o WHERE o.name = c.name AND o.image_classifier_id <> c.image_classifier_id)
    WHERE c.image_classifier_id = @Id
        AND NOT EXISTS (SELECT 1 FROM dbo.image_promotions AS p WITH (UPDLOCK, HOLDLOCK) WHERE p.name = @ModelName);
    INSERT INTO dbo.image_metrics (image_classifier_id, part, label, metric, value)
    SELECT @Id, part, label, metric, value FROM #measures;
    INSERT INTO dbo.image_confusions (image_classifier_id, part, label, predicted, pictures, percentage)
    SELECT @Id, part, label, predicted, examples, percentage FROM #confusion;
    INSERT INTO dbo.image_scores (image_classifier_id, is_group, name, content_sha256, label, part, fold, score)
    SELECT @Id, u.is_group, u.name, u.content_sha256, r.label, u.part, NULLIF(r.fold, -1), r.score
    FROM #result AS r
    INNER JOIN #units AS u ON u.unit = r.unit;
    COMMIT TRANSACTION;

    SET @Message = CONCAT(@ModelName, N' version ', @Version, N': ', (
        SELECT STRING_AGG(CONCAT(IIF(a.part = 'test', N'part test, ', N'out of fold, '), n.value, N' pictures or groups, accuracy ',
            LTRIM(STR(a.value, 10, 4)), N', macro F1 ', LTRIM(STR(f.value, 10, 4))), N'; ') WITHIN GROUP (ORDER BY a.part DESC)
        FROM #measures AS a
        INNER JOIN #measures AS n ON n.part = a.part AND n.label = -1 AND n.metric = N'examples'
        INNER JOIN #measures AS f ON f.part = a.part AND f.label = -1 AND f.metric = N'macro_f1'
        WHERE a.label = -1 AND a.metric = N'accuracy'), N'.');
    EXECUTE internal.ReportStep @RunId, @Message, 2, 2;
END;
