-- WalkTrees: sends every scan through every tree of a LightGBM model, all of them at once, and adds the leaves.
-- Called by ScoreVectors; #margins, which it fills, and #vectors are those of ScoreScansSql.
CREATE OR ALTER PROCEDURE internal.WalkTrees
    @ClassifierId INT, -- model with rows in dbo.model_nodes
    @FirstIndex INT    -- where its features begin in the vector
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    -- LightGBM takes a number up to its kZeroThreshold, the single nearest to 1e-35, for 0.
    DECLARE @Stride INT, @Moved INT = 1, @Zero FLOAT = CAST(N'1.0000000180025095e-35' AS FLOAT);
    -- One number stands for a node of a tree, and for each kind of value it says where that goes from there; from a leaf nowhere.
    CREATE TABLE #nodes (
        place INT NOT NULL PRIMARY KEY, tree INT NOT NULL, node INT NOT NULL, feature_index INT NULL, threshold FLOAT NULL,
        missing_place INT NULL, zero_place INT NULL, left_place INT NULL, right_place INT NULL, leaf_value FLOAT NULL);
    -- By scan and tree, so that the leaves of a scan are added in the order of the trees, as LightGBM adds them.
    CREATE TABLE #walk (
        scan_id INT NOT NULL, tree INT NOT NULL, place INT NOT NULL, leaf_value FLOAT NULL, PRIMARY KEY (scan_id, tree));

    SET @Stride = (SELECT MAX(node) + 1 FROM dbo.model_nodes WHERE classifier_id = @ClassifierId);
    INSERT INTO #nodes (place, tree, node, feature_index, threshold, missing_place, zero_place, left_place, right_place, leaf_value)
    SELECT tree * @Stride + node, tree, node, feature_index + @FirstIndex, threshold,
        tree * @Stride + CASE
            WHEN (missing = 'none' AND threshold >= 0) OR (missing <> 'none' AND default_left = 1) THEN left_node ELSE right_node END,
        tree * @Stride + CASE
            WHEN (missing <> 'zero' AND threshold >= 0) OR (missing = 'zero' AND default_left = 1) THEN left_node ELSE right_node END,
        tree * @Stride + left_node, tree * @Stride + right_node, leaf_value
    FROM dbo.model_nodes
    WHERE classifier_id = @ClassifierId;

    -- Six steps at once, as many as a tree of 7 leaves has at most, which training makes by default. Who has arrived has no value to
    -- compare (v) and no node to go to (n), and is looked up no more. The roots come by LEFT JOIN, too, which keeps scans outermost:
    -- all trees read one vector before the next, which caches like better than each tree reading all vectors.
    INSERT INTO #walk (scan_id, tree, place, leaf_value)
    SELECT w.scan_id, n0.tree, COALESCE(n6.place, n5.place, n4.place, n3.place, n2.place, n1.place, n0.place),
        COALESCE(n0.leaf_value, n1.leaf_value, n2.leaf_value, n3.leaf_value, n4.leaf_value, n5.leaf_value, n6.leaf_value)
    FROM #wanted AS w
    LEFT JOIN #nodes AS n0 ON n0.node = 0
    LEFT JOIN #vectors AS v0 ON v0.scan_id = w.scan_id AND v0.feature_index = n0.feature_index
    LEFT JOIN #nodes AS n1 ON n1.place = CASE WHEN v0.x IS NULL THEN n0.missing_place WHEN v0.x BETWEEN -@Zero AND @Zero THEN n0.zero_place
        WHEN v0.x <= n0.threshold THEN n0.left_place ELSE n0.right_place END
    LEFT JOIN #vectors AS v1 ON v1.scan_id = w.scan_id AND v1.feature_index = n1.feature_index
    LEFT JOIN #nodes AS n2 ON n2.place = CASE WHEN v1.x IS NULL THEN n1.missing_place WHEN v1.x BETWEEN -@Zero AND @Zero THEN n1.zero_place
        WHEN v1.x <= n1.threshold THEN n1.left_place ELSE n1.right_place END
    LEFT JOIN #vectors AS v2 ON v2.scan_id = w.scan_id AND v2.feature_index = n2.feature_index
    LEFT JOIN #nodes AS n3 ON n3.place = CASE WHEN v2.x IS NULL THEN n2.missing_place WHEN v2.x BETWEEN -@Zero AND @Zero THEN n2.zero_place
        WHEN v2.x <= n2.threshold THEN n2.left_place ELSE n2.right_place END
    LEFT JOIN #vectors AS v3 ON v3.scan_id = w.scan_id AND v3.feature_index = n3.feature_index
    LEFT JOIN #nodes AS n4 ON n4.place = CASE WHEN v3.x IS NULL THEN n3.missing_place WHEN v3.x BETWEEN -@Zero AND @Zero THEN n3.zero_place
        WHEN v3.x <= n3.threshold THEN n3.left_place ELSE n3.right_place END
    LEFT JOIN #vectors AS v4 ON v4.scan_id = w.scan_id AND v4.feature_index = n4.feature_index
    LEFT JOIN #nodes AS n5 ON n5.place = CASE WHEN v4.x IS NULL THEN n4.missing_place WHEN v4.x BETWEEN -@Zero AND @Zero THEN n4.zero_place
        WHEN v4.x <= n4.threshold THEN n4.left_place ELSE n4.right_place END
    LEFT JOIN #vectors AS v5 ON v5.scan_id = w.scan_id AND v5.feature_index = n5.feature_index
    LEFT JOIN #nodes AS n6 ON n6.place = CASE WHEN v5.x IS NULL THEN n5.missing_place WHEN v5.x BETWEEN -@Zero AND @Zero THEN n5.zero_place
        WHEN v5.x <= n5.threshold THEN n5.left_place ELSE n5.right_place END;

    -- Those in deeper trees go on step by step.
    WHILE @Moved > 0
    BEGIN
        UPDATE w
        SET w.place = t.place, w.leaf_value = t.leaf_value
        FROM #walk AS w
        INNER JOIN #nodes AS n ON n.place = w.place
        INNER JOIN #vectors AS v ON v.scan_id = w.scan_id AND v.feature_index = n.feature_index
        INNER JOIN #nodes AS t ON t.place = CASE WHEN v.x IS NULL THEN n.missing_place WHEN v.x BETWEEN -@Zero AND @Zero THEN n.zero_place
            WHEN v.x <= n.threshold THEN n.left_place ELSE n.right_place END
        WHERE w.leaf_value IS NULL;
        SET @Moved = @@ROWCOUNT;
    END;

    INSERT INTO #margins (scan_id, margin)
    SELECT w.scan_id, MAX(s.intercept) + SUM(w.leaf_value) / MAX(s.divisor)
    FROM #walk AS w
    INNER JOIN dbo.model_scoring AS s ON s.classifier_id = @ClassifierId
    GROUP BY w.scan_id;
END;
