-- FindComparedFeatures: finds the features that scans are compared by: those that a model reads, of combined ones the first part of pixels.
-- Called by SimilarPatients, SimilarSlices and SimilarToSlices.
CREATE OR ALTER PROCEDURE internal.FindComparedFeatures
    @ModelName NVARCHAR(128),     -- name of a model, whose version served is meant
    @FeatureSetId INT OUTPUT,     -- the feature set
    @Pooling NVARCHAR(32) OUTPUT  -- how it is pooled
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @ClassifierId INT;
    EXECUTE internal.FindClassifier @ModelName, NULL, @ClassifierId OUTPUT;
    SELECT @FeatureSetId = feature_set_id, @Pooling = pooling FROM dbo.classifiers WHERE classifier_id = @ClassifierId;
    -- Columns and layers have scales of their own, so an angle means something within one part only.
    IF EXISTS (SELECT 1 FROM dbo.feature_parts WHERE feature_set_id = @FeatureSetId)
        SELECT @Pooling = MAX(p.pooling), @FeatureSetId = MAX(p.part_feature_set_id)
        FROM dbo.feature_parts AS p
        WHERE p.feature_set_id = @FeatureSetId AND p.position = (
            SELECT MIN(f.position) FROM dbo.feature_parts AS f
            WHERE f.feature_set_id = @FeatureSetId AND f.part_feature_set_id IS NOT NULL);
    IF @FeatureSetId IS NULL
    BEGIN
        SET @Message = REPLACE(CONCAT(N'The model ''', @ModelName, N''' reads columns only, so that no scans are alike by its features. ',
            N'Give the name of a model that reads features of the pixels.'), N'%', N'%%');
        THROW 50200, @Message, 1;
    END;
END;
