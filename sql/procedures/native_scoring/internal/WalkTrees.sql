-- WalkTrees: sends every scan through every tree of a LightGBM model, one level of all trees at a time, and adds the leaves.
-- Called by ScoreVectors; #margins, which it fills, and #vectors are those of ScoreScansSql.
CREATE OR ALTER PROCEDURE internal.WalkTrees
    @ClassifierId INT, -- model with rows in dbo.model_nodes
    @FirstIndex INT    -- where its features begin in the vector
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Stride INT, @Moved INT = 1, @Zero FLOAT = CAST(N'1.0000000180025095e-35' AS FLOAT);
    -- One number stands for a node of a tree, and for each kind of value it says where that goes from there.
    CREATE TABLE #nodes (
        place INT NOT NULL PRIMARY KEY, feature_index INT NULL, threshold FLOAT NULL,
        missing_place INT NULL, zero_place INT NULL, left_place INT NULL, right_place INT NULL, leaf_value FLOAT NULL);
    CREATE TABLE #walk (scan_id INT NOT NULL, place INT NOT NULL);

    -- LightGBM takes a number up to its kZeroThreshold, the single nearest to 1e-35, for 0.
    UPDATE #vectors SET x = 0 WHERE x BETWEEN -@Zero AND @Zero AND x <> 0;

    SET @Stride = (SELECT MAX(node) + 1 FROM dbo.model_nodes WHERE classifier_id = @ClassifierId);
    INSERT INTO #nodes (place, feature_index, threshold, missing_place, zero_place, left_place, right_place, leaf_value)
    SELECT tree * @Stride + node, feature_index + @FirstIndex, threshold,
        tree * @Stride + CASE
            WHEN (missing = 'none' AND threshold >= 0) OR (missing <> 'none' AND default_left = 1) THEN left_node ELSE right_node END,
        tree * @Stride + CASE
            WHEN (missing <> 'zero' AND threshold >= 0) OR (missing = 'zero' AND default_left = 1) THEN left_node ELSE right_node END,
        tree * @Stride + left_node, tree * @Stride + right_node, leaf_value
    FROM dbo.model_nodes
    WHERE classifier_id = @ClassifierId;

    INSERT INTO #walk (scan_id, place)
    SELECT w.scan_id, n.tree * @Stride
    FROM #wanted AS w
    CROSS JOIN dbo.model_nodes AS n
    WHERE n.classifier_id = @ClassifierId AND n.node = 0;
    WHILE @Moved > 0
    BEGIN
        UPDATE w
        SET w.place = CASE
            WHEN v.x IS NULL THEN n.missing_place
            WHEN v.x = 0 THEN n.zero_place
            WHEN v.x <= n.threshold THEN n.left_place
            ELSE n.right_place END
        FROM #walk AS w
        INNER JOIN #nodes AS n ON n.place = w.place
        INNER JOIN #vectors AS v ON v.scan_id = w.scan_id AND v.feature_index = n.feature_index;
        SET @Moved = @@ROWCOUNT;
    END;

    INSERT INTO #margins (scan_id, margin)
    SELECT w.scan_id, MAX(s.intercept) + SUM(n.leaf_value) / MAX(s.divisor)
    FROM #walk AS w
    INNER JOIN #nodes AS n ON n.place = w.place
    INNER JOIN dbo.model_scoring AS s ON s.classifier_id = @ClassifierId
    GROUP BY w.scan_id;
END;
