-- TrainBestTrial: trains the best trial of a search by TrainLungCancerModel and marks the search as done.
-- Called by RunSearch.
CREATE OR ALTER PROCEDURE internal.TrainBestTrial
    @SearchId INT,         -- search, in the state training
    @Worker NVARCHAR(128), -- who trains
    @RunId INT = NULL      -- row of dbo.runs
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @ModelName NVARCHAR(128), @Seed INT, @Folds INT, @SkipMissing BIT, @From DATETIME2(3),
        @ClassifierId INT;
    DECLARE @FeatureSetId INT, @Pooling NVARCHAR(32), @NetworkName NVARCHAR(128), @Layer NVARCHAR(256), @Preprocessing NVARCHAR(32);
    DECLARE @LearningRate FLOAT, @NumLeaves INT, @MinDataInLeaf INT, @MaxIterations INT, @EarlyStoppingRounds INT,
        @ValidationFraction FLOAT;
    DECLARE @Dataset NVARCHAR(128), @DatasetVersion INT, @Horizon INT, @PositiveFrom INT;
    DECLARE @Algorithm NVARCHAR(32), @L2 FLOAT, @Hidden NVARCHAR(400), @Imbalance NVARCHAR(32), @Pass INT = 0, @Found INT;
    SELECT @ModelName = s.name, @Seed = s.seed, @Folds = s.folds, @SkipMissing = s.skip_missing, @From = s.training_from,
        @Dataset = d.name, @DatasetVersion = v.version, @Horizon = s.horizon_days, @PositiveFrom = s.positive_from,
        @FeatureSetId = t.feature_set_id, @Pooling = t.pooling, @NetworkName = n.name, @Layer = fs.layer, @Preprocessing = fs.preprocessing,
        @LearningRate = CAST(JSON_VALUE(t.parameters, N'$.learning_rate') AS FLOAT),
        @NumLeaves = CAST(JSON_VALUE(t.parameters, N'$.num_leaves') AS INT),
        @MinDataInLeaf = CAST(JSON_VALUE(t.parameters, N'$.min_data_in_leaf') AS INT),
        @MaxIterations = CAST(JSON_VALUE(t.parameters, N'$.max_iterations') AS INT),
        @EarlyStoppingRounds = CAST(JSON_VALUE(t.parameters, N'$.early_stopping_rounds') AS INT),
        @ValidationFraction = CAST(JSON_VALUE(t.parameters, N'$.validation_fraction') AS FLOAT),
        @Imbalance = COALESCE(JSON_VALUE(t.parameters, N'$.imbalance'), N'none'),
        @Algorithm = COALESCE(JSON_VALUE(t.parameters, N'$.algorithm'), N'lightgbm'),
        @L2 = CAST(JSON_VALUE(t.parameters, N'$.l2') AS FLOAT),
        @Hidden = REPLACE(REPLACE(JSON_QUERY(t.parameters, N'$.hidden'), N'[', N''), N']', N'')
    FROM dbo.searches AS s
    INNER JOIN dbo.search_trials AS t ON t.trial_id = s.best_trial_id
    INNER JOIN dbo.feature_sets AS fs ON fs.feature_set_id = t.feature_set_id
    LEFT JOIN dbo.networks AS n ON n.network_id = fs.network_id
    LEFT JOIN dbo.dataset_versions AS v ON v.dataset_version_id = s.dataset_version_id
    LEFT JOIN dbo.datasets AS d ON d.dataset_id = v.dataset_id
    WHERE s.search_id = @SearchId;

    BEGIN TRY
        EXECUTE internal.FindFeatureSet @ModelName, @NetworkName, @Layer, @Preprocessing, @Pooling, @Found OUTPUT;
    END TRY
    BEGIN CATCH
        IF @@TRANCOUNT > 0
            ROLLBACK TRANSACTION;
        SET @Message = ERROR_MESSAGE();
        EXECUTE internal.EndRun @RunId, 0, @Message;
        THROW;
    END CATCH;
    IF @FeatureSetId <> @Found
    BEGIN
        SET @Message = CONCAT(N'Search ', @SearchId, N' chose feature set ', @FeatureSetId, N', and by now ', @Found,
            N' is the one of its network, layer and preprocessing to train on. Make a new search.');
        SET @Message = REPLACE(@Message, N'%', N'%%');
        EXECUTE internal.EndRun @RunId, 0, @Message;
        THROW 50164, @Message, 1;
    END;

    -- The first pass finds the model of a worker that was ended after training and before it could say so.
    WHILE @ClassifierId IS NULL AND @Pass < 2
    BEGIN
        -- Training has a run of its own, and no CATCH around its script could tell the run of the search how it ended.
        IF @Pass = 1
            EXECUTE internal.EndRun @RunId, @Result = N'All trials are done; the best is trained next, which is a run of its own.';
        IF @Pass = 1
            EXECUTE dbo.TrainLungCancerModel @ModelName = @ModelName, @Pooling = @Pooling, @NetworkName = @NetworkName, @Layer = @Layer,
                @Preprocessing = @Preprocessing, @Seed = @Seed, @ValidationFraction = @ValidationFraction, @LearningRate = @LearningRate,
                @NumLeaves = @NumLeaves, @MinDataInLeaf = @MinDataInLeaf, @MaxIterations = @MaxIterations,
                @EarlyStoppingRounds = @EarlyStoppingRounds, @Folds = @Folds, @Imbalance = @Imbalance,
                @Algorithm = @Algorithm, @L2 = @L2, @Hidden = @Hidden, @SkipMissing = @SkipMissing,
                @Dataset = @Dataset, @DatasetVersion = @DatasetVersion, @Horizon = @Horizon, @PositiveFrom = @PositiveFrom;
        SET @ClassifierId = (
            SELECT MAX(c.classifier_id)
            FROM dbo.classifiers AS c
            INNER JOIN dbo.experiments AS e ON e.classifier_id = c.classifier_id
            INNER JOIN dbo.searches AS s ON s.search_id = @SearchId
            INNER JOIN dbo.search_trials AS t ON t.trial_id = s.best_trial_id
            WHERE c.name = @ModelName AND c.feature_set_id = @FeatureSetId AND c.pooling = @Pooling AND e.started_at >= @From
                AND e.seed = @Seed AND COALESCE(e.dataset_version_id, -1) = COALESCE(s.dataset_version_id, -1)
                AND COALESCE(e.horizon_days, -1) = COALESCE(s.horizon_days, -1)
                AND COALESCE(TRY_CAST(JSON_VALUE(e.parameters, N'$.positive_from') AS INT), -1) = COALESCE(s.positive_from, -1)
                AND NOT EXISTS (
                    SELECT 1
                    FROM OPENJSON(t.parameters) AS p
                    WHERE NOT EXISTS (
                        SELECT 1 FROM OPENJSON(e.parameters) AS q
                        WHERE q.[key] = p.[key] AND (q.value = p.value OR TRY_CAST(q.value AS FLOAT) = TRY_CAST(p.value AS FLOAT)))));
        SET @Pass = @Pass + 1;
    END;

    UPDATE dbo.searches SET state = 'done', classifier_id = @ClassifierId, lease_until = NULL
    WHERE search_id = @SearchId AND worker = @Worker;
END;
