-- FindSliceFeatures: finds the feature set whose triples are asked about, that of a model unless one is given, and refuses a feature that
-- it has not. Called by TopSlices, MaximiseImage and SimilarSlices.
CREATE OR ALTER PROCEDURE internal.FindSliceFeatures
    @ModelName NVARCHAR(128),   -- name of a model
    @Version INT,               -- its version, or NULL for the one served
    @Feature INT,               -- feature, from 0
    @FeatureSetId INT OUTPUT    -- feature set, or NULL for that of the model
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @ClassifierId INT, @Width INT, @IsCombined BIT, @Parts NVARCHAR(1000);
    IF @FeatureSetId IS NULL
    BEGIN
        EXECUTE internal.FindClassifier @ModelName, @Version, @ClassifierId OUTPUT;
        SET @FeatureSetId = (SELECT feature_set_id FROM dbo.classifiers WHERE classifier_id = @ClassifierId);
    END;
    SELECT @Width = width, @IsCombined = IIF(network_id IS NULL, 1, 0) FROM dbo.feature_sets WHERE feature_set_id = @FeatureSetId;
    IF @Width IS NULL
    BEGIN
        SET @Message = CONCAT(N'There is no feature set with the number ', @FeatureSetId, N'. See dbo.feature_sets.');
        THROW 50117, @Message, 1;
    END;
    IF @IsCombined = 1
    BEGIN
        SET @Parts = (
            SELECT STRING_AGG(CAST(part_feature_set_id AS NVARCHAR(MAX)), N', ') WITHIN GROUP (ORDER BY part_feature_set_id)
            FROM (SELECT DISTINCT part_feature_set_id FROM dbo.feature_parts
                WHERE feature_set_id = @FeatureSetId AND part_feature_set_id IS NOT NULL) AS p);
        SET @Message = CONCAT(N'The feature set ', @FeatureSetId, N' is combined, and its values belong to no slices. Give @FeatureSetId ',
            N'of ',
            COALESCE(N'a part: ' + @Parts, N'another; this one has columns alone'), N'.');
        THROW 50117, @Message, 1;
    END;
    EXECUTE internal.NeedTriples @FeatureSetId;
    IF @Feature IS NULL OR @Feature < 0 OR @Feature >= @Width
    BEGIN
        SET @Message = CONCAT(N'The value ', COALESCE(CAST(@Feature AS NVARCHAR(12)), N'NULL'),
            N' for the parameter @Feature is not supported. The feature set ', @FeatureSetId, N' has the features 0 to ', @Width - 1, N'.');
        THROW 50101, @Message, 1;
    END;
END;
