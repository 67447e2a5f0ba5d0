-- StoreSearch: stores a search with its trials.
-- Called by SearchModels, whose tables #trials and #matrices it reads.
CREATE OR ALTER PROCEDURE internal.StoreSearch
    @ModelName NVARCHAR(128),   -- name to store the best model under
    @Settings NVARCHAR(MAX),    -- what was asked for, JSON
    @Seed INT,                  -- of the draw, the folds and the algorithm
    @Folds INT,                 -- folds of each trial
    @Metric NVARCHAR(32),       -- auc or log_loss
    @Halving INT,               -- rungs
    @SkipMissing BIT,           -- 1 leaves out labelled patients without features
    @DatasetVersionId INT,      -- version of a data set, or NULL
    @Horizon INT,               -- horizon of the labels in days, or NULL
    @PositiveFrom INT,          -- labels from this one on are positive, or NULL
    @SearchId INT OUTPUT        -- number of the search
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Planned INT = 0, @Rung INT = 0, @Count INT = (SELECT COUNT(*) FROM #trials);
    -- What AdvanceSearch will add: of each rung a third goes on, rounded up.
    WHILE @Rung < @Halving
    BEGIN
        SET @Planned = @Planned + @Count;
        SET @Count = (@Count + 2) / 3;
        SET @Rung = @Rung + 1;
    END;
    BEGIN TRANSACTION;
    INSERT INTO dbo.searches (
        name, settings, seed, folds, metric, rungs, skip_missing, planned, dataset_version_id, horizon_days, positive_from)
    VALUES (
        @ModelName, @Settings, @Seed, @Folds, LOWER(@Metric), @Halving, @SkipMissing, @Planned, @DatasetVersionId, @Horizon, @PositiveFrom);
    SET @SearchId = SCOPE_IDENTITY();
    IF @DatasetVersionId IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM dbo.dataset_versions WITH (UPDLOCK, HOLDLOCK) WHERE dataset_version_id = @DatasetVersionId)
        SET @Message = N'The data set was deleted while the search was made. Nothing is stored. Make it for another one.';
    IF EXISTS (
        SELECT 1
        FROM #matrices AS m
        WHERE NOT EXISTS (SELECT 1 FROM dbo.feature_sets AS f WITH (UPDLOCK, HOLDLOCK) WHERE f.feature_set_id = m.feature_set_id))
        SET @Message = N'A feature set was deleted while the search was made. Nothing is stored. Make it again.';
    IF @Message IS NOT NULL
        THROW 50232, @Message, 1;
    INSERT INTO dbo.search_trials (search_id, rung, candidate, feature_set_id, pooling, parameters)
    SELECT @SearchId, 0, t.candidate, m.feature_set_id, m.pooling, t.parameters
    FROM #trials AS t
    INNER JOIN #matrices AS m ON m.matrix = t.matrix
    ORDER BY t.candidate;
    COMMIT TRANSACTION;
END;
