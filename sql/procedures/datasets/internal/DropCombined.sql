-- DropCombined: deletes a combined feature set that a training or search has stored and that nothing reads, so that nothing is left of a
-- call that is refused.
-- Called by TrainModel and DropMatrices.
CREATE OR ALTER PROCEDURE internal.DropCombined
    @FeatureSetId INT,  -- combined feature set
    @IsNew BIT          -- 0 does nothing: another call has stored it
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @IsNew = 0
        RETURN 0;
    BEGIN TRANSACTION;
    IF NOT EXISTS (SELECT 1 FROM dbo.classifiers WITH (UPDLOCK, HOLDLOCK) WHERE feature_set_id = @FeatureSetId)
        AND NOT EXISTS (SELECT 1 FROM dbo.search_trials WITH (UPDLOCK, HOLDLOCK) WHERE feature_set_id = @FeatureSetId)
    BEGIN
        DELETE FROM dbo.pooled_features WHERE feature_set_id = @FeatureSetId;
        DELETE FROM dbo.feature_parts WHERE feature_set_id = @FeatureSetId;
        DELETE FROM dbo.feature_sets WHERE feature_set_id = @FeatureSetId;
    END;
    COMMIT TRANSACTION;
END;
