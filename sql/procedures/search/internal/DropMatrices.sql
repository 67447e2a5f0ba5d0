-- DropMatrices: deletes the combined feature sets that a call of SearchModels has stored and that no trial reads.
-- Called by SearchModels, whose table #matrices it reads.
CREATE OR ALTER PROCEDURE internal.DropMatrices
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @FeatureSetId INT = 0;
    WHILE EXISTS (SELECT 1 FROM #matrices WHERE is_new = 1 AND feature_set_id > @FeatureSetId)
    BEGIN
        SET @FeatureSetId = (SELECT MIN(feature_set_id) FROM #matrices WHERE is_new = 1 AND feature_set_id > @FeatureSetId);
        EXECUTE internal.DropCombined @FeatureSetId, 1;
    END;
END;
