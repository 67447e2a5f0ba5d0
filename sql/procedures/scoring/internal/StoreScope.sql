-- StoreScope: stores what FitScope has found for a version, and which share of the held-out scans stands outside; inside the caller's
-- transaction.
-- Called by TrainModel, CreateEnsemble and StoreClassifier, whose tables #taught, #scope and #scope_features it reads.
CREATE OR ALTER PROCEDURE internal.StoreScope
    @ClassifierId INT -- the version
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    CREATE TABLE #judged (
        scan_id INT NOT NULL PRIMARY KEY, distance FLOAT NULL, scope VARCHAR(7) COLLATE DATABASE_DEFAULT NULL,
        scope_reason NVARCHAR(400) COLLATE DATABASE_DEFAULT NULL);
    INSERT INTO dbo.model_scope (classifier_id, item, position, low, high, text, scans)
    SELECT @ClassifierId, item, position, low, high, text, scans FROM #scope;
    INSERT INTO dbo.model_scope_features (classifier_id, feature_index, mean, sd)
    SELECT @ClassifierId, feature_index, mean, sd FROM #scope_features;

    INSERT INTO #judged (scan_id)
    SELECT scan_id FROM #taught WHERE is_held_out = 1;
    EXECUTE internal.MeasureScope @ClassifierId;
    EXECUTE internal.JudgeScope @ClassifierId;
    INSERT INTO dbo.model_scope (classifier_id, item, position, high, scans)
    SELECT @ClassifierId, 'held_out', 0, AVG(CASE WHEN scope = 'outside' THEN CAST(1 AS FLOAT) ELSE 0 END), COUNT(*)
    FROM #judged
    WHERE scope IS NOT NULL
    HAVING COUNT(*) > 0;
END;
