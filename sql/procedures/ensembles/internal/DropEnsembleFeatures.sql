-- DropEnsembleFeatures: takes a combined feature set away again that was made for an ensemble that is refused, unless a model reads it.
-- Called by CreateEnsemble.
CREATE OR ALTER PROCEDURE internal.DropEnsembleFeatures
    @FeatureSetId INT -- the feature set
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    BEGIN TRANSACTION;
    IF NOT EXISTS (SELECT 1 FROM dbo.classifiers WITH (UPDLOCK, HOLDLOCK) WHERE feature_set_id = @FeatureSetId)
    BEGIN
        DELETE FROM dbo.pooled_features WHERE feature_set_id = @FeatureSetId;
        DELETE FROM dbo.feature_parts WHERE feature_set_id = @FeatureSetId;
        DELETE FROM dbo.feature_sets WHERE feature_set_id = @FeatureSetId;
    END;
    COMMIT TRANSACTION;
END;
