-- MeasureScope: measures how far the features of the scans in #judged are from those that a version has learnt from, as FitScope says: the
-- mean of ((x - mean) / sd) squared, each counted up to 100. Where a script has read the vectors it has measured them by the same rule,
-- that of lungdb.learning.scope.
-- Called by StorePredictions and StoreScope, whose table #judged it fills.
CREATE OR ALTER PROCEDURE internal.MeasureScope
    @ClassifierId INT -- the version
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @FeatureSetId INT, @Pooling NVARCHAR(32), @Most FLOAT = 100, @Same FLOAT = CAST(N'1e-6' AS FLOAT);
    SELECT @FeatureSetId = feature_set_id, @Pooling = pooling FROM dbo.classifiers WHERE classifier_id = @ClassifierId;
    UPDATE j
    SET j.distance = d.distance
    FROM #judged AS j
    INNER JOIN (
        SELECT n.scan_id, AVG(CASE
            WHEN n.sd = 0 AND ABS(n.difference) <= @Same * (1 + ABS(n.mean)) THEN 0
            WHEN n.sd = 0 OR ABS(n.difference) > 10 * n.sd THEN @Most
            ELSE n.difference / n.sd * (n.difference / n.sd) END) AS distance
        FROM (
            SELECT q.scan_id, CAST(v.[value] AS FLOAT) - s.mean AS difference, s.mean, s.sd
            FROM #judged AS q
            INNER JOIN dbo.pooled_features AS f ON f.scan_id = q.scan_id
            CROSS APPLY OPENJSON(f.vector) AS v
            INNER JOIN dbo.model_scope_features AS s ON s.classifier_id = @ClassifierId AND s.feature_index = CAST(v.[key] AS INT)
            WHERE f.feature_set_id = @FeatureSetId AND f.pooling = @Pooling AND v.[type] = 2) AS n
        GROUP BY n.scan_id) AS d ON d.scan_id = j.scan_id;
END;
