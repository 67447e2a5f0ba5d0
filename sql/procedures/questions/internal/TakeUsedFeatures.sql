-- TakeUsedFeatures: adds to #used the features that a model uses, by its rows: with how many splits of trees, or with which coefficient of
-- standardised values; of an ensemble those of its members together. Of a model without such rows there is nothing to add, which is said.
-- Called by CompareInDetail, whose table #named it reads and whose table #used it fills.
CREATE OR ALTER PROCEDURE internal.TakeUsedFeatures
    @ClassifierId INT,  -- the model
    @Model CHAR(1)      -- a or b
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    CREATE TABLE #members (classifier_id INT NOT NULL PRIMARY KEY, first_index INT NOT NULL);
    INSERT INTO #members (classifier_id, first_index)
    SELECT member_classifier_id, first_index FROM dbo.ensemble_members WHERE classifier_id = @ClassifierId;
    IF NOT EXISTS (SELECT 1 FROM #members)
        INSERT INTO #members (classifier_id, first_index) VALUES (@ClassifierId, 0);
    INSERT INTO #used (model, feature_index, name, splits, coefficient)
    SELECT @Model, u.feature_index, CONCAT(n.name, N' ' + CAST(IIF(n.width > 1, u.feature_index - n.first_index, NULL) AS NVARCHAR(12))),
        u.splits, u.coefficient
    FROM (
        SELECT x.feature_index, SUM(x.splits) AS splits, MAX(x.coefficient) AS coefficient
        FROM (
            SELECT m.first_index + t.feature_index AS feature_index, 1 AS splits, CAST(NULL AS FLOAT) AS coefficient
            FROM #members AS m
            INNER JOIN dbo.model_nodes AS t ON t.classifier_id = m.classifier_id
            WHERE t.feature_index IS NOT NULL
            UNION ALL
            SELECT m.first_index + c.feature_index, NULL, c.coefficient
            FROM #members AS m
            INNER JOIN dbo.model_coefficients AS c ON c.classifier_id = m.classifier_id
            WHERE c.coefficient <> 0) AS x
        GROUP BY x.feature_index) AS u
    LEFT JOIN #named AS n ON u.feature_index >= n.first_index AND u.feature_index < n.first_index + n.width;
    IF NOT EXISTS (SELECT 1 FROM #used WHERE model = @Model)
        RAISERROR(N'Model %s has no rows of trees or coefficients, so that the features that it uses are not known.', 0, 1, @Model)
            WITH NOWAIT;
END;
