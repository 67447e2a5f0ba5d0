-- StoreDrift: stores a drift check and its items, each with a name. It is the only writer of dbo.drift_checks and dbo.drift_items.
-- Called by CheckDrift, whose tables #compared and #items it reads.
CREATE OR ALTER PROCEDURE internal.StoreDrift
    @ClassifierId INT,      -- the model
    @Since DATETIME2(3),    -- time from which patients are later, or NULL
    @DatasetVersionId INT,  -- the version of a data set that they are of, or NULL
    @Alpha FLOAT,           -- rate of alarms
    @Permutations INT,      -- number of permutations
    @Seed INT,              -- of them
    @Statistic FLOAT,       -- the largest statistic
    @PValue FLOAT,          -- its p value
    @CheckId INT OUTPUT     -- the row
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000);
    CREATE TABLE #names (feature_index INT NOT NULL PRIMARY KEY, name NVARCHAR(600) COLLATE DATABASE_DEFAULT NOT NULL);
    EXECUTE internal.NameDriftedFeatures @ClassifierId;
    BEGIN TRANSACTION;
    IF NOT EXISTS (SELECT 1 FROM dbo.classifiers WITH (UPDLOCK, HOLDLOCK) WHERE classifier_id = @ClassifierId)
    BEGIN
        SET @Message = N'The model was deleted while patients were compared. Nothing is stored. Take another; see dbo.classifiers.';
        THROW 50232, @Message, 1;
    END;
    -- A hundred thousandth is room for rounding in 1 / (permutations + 1) only.
    INSERT INTO dbo.drift_checks (classifier_id, later_since, dataset_version_id, tested_patients, later_patients, permutations, seed,
        alpha, statistic, p_value, is_alarm)
    SELECT @ClassifierId, @Since, @DatasetVersionId, COUNT(*) - SUM(CAST(is_later AS INT)), SUM(CAST(is_later AS INT)), @Permutations,
        @Seed, @Alpha, @Statistic, @PValue, CASE WHEN @PValue <= @Alpha * 1.00001 THEN 1 ELSE 0 END
    FROM #compared;
    SET @CheckId = SCOPE_IDENTITY();
    INSERT INTO dbo.drift_items (drift_check_id, position, kind, feature_index, name, statistic, p_value, stability_index)
    SELECT @CheckId, i.place, i.kind, NULLIF(i.feature_index, -1), COALESCE(n.name, i.kind), i.statistic, i.p_value, i.stability_index
    FROM #items AS i
    LEFT JOIN #names AS n ON n.feature_index = i.feature_index;
    COMMIT TRANSACTION;
END;
