-- MeasureClasses: compares what was told with what is true: confusion matrix, accuracy, macro F1, each class's precision, recall and F1.
-- A figure that is not defined, as the precision of a class that is never told, is NULL; macro F1 is the mean over the classes that occur.
-- Called by EvaluateNetworkSql and TrainImageClassifier, whose tables #classes (label), #true (part, example, label) and #scored (part,
-- example, label, value) it reads, and whose tables #confusion and #measures it fills; label -1 there stands for all classes.
CREATE OR ALTER PROCEDURE internal.MeasureClasses
    @IsExclusive BIT -- 1 where an example has one class, the likeliest; 0 where it has every class of at least 0.5
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    CREATE TABLE #told (part VARCHAR(10) COLLATE DATABASE_DEFAULT NOT NULL, example INT NOT NULL, label INT NOT NULL,
        PRIMARY KEY (part, example, label));
    INSERT INTO #told (part, example, label)
    SELECT s.part, s.example, s.label
    FROM (
        SELECT part, example, label, value, ROW_NUMBER() OVER (PARTITION BY part, example ORDER BY value DESC, label) AS place
        FROM #scored) AS s
    WHERE (@IsExclusive = 1 AND s.place = 1) OR (@IsExclusive = 0 AND s.value >= 0.5);

    INSERT INTO #confusion (part, label, predicted, examples, percentage)
    SELECT p.part, t.label, o.label, COALESCE(n.examples, 0), 100.0 * COALESCE(n.examples, 0) / NULLIF(r.examples, 0)
    FROM (SELECT DISTINCT part FROM #true) AS p
    CROSS JOIN #classes AS t
    CROSS JOIN #classes AS o
    LEFT JOIN (
        SELECT t.part, t.label, o.label AS predicted, COUNT(*) AS examples
        FROM #true AS t
        INNER JOIN #told AS o ON o.part = t.part AND o.example = t.example
        GROUP BY t.part, t.label, o.label) AS n ON n.part = p.part AND n.label = t.label AND n.predicted = o.label
    LEFT JOIN (SELECT part, label, COUNT(*) AS examples FROM #true GROUP BY part, label) AS r ON r.part = p.part AND r.label = t.label
    WHERE @IsExclusive = 1;

    CREATE TABLE #counts (part VARCHAR(10) COLLATE DATABASE_DEFAULT NOT NULL, label INT NOT NULL, examples INT NOT NULL, told INT NOT NULL,
        right_told INT NOT NULL, PRIMARY KEY (part, label));
    INSERT INTO #counts (part, label, examples, told, right_told)
    SELECT p.part, c.label, COALESCE(t.examples, 0), COALESCE(o.examples, 0), COALESCE(b.examples, 0)
    FROM (SELECT DISTINCT part FROM #true) AS p
    CROSS JOIN #classes AS c
    LEFT JOIN (SELECT part, label, COUNT(*) AS examples FROM #true GROUP BY part, label) AS t ON t.part = p.part AND t.label = c.label
    LEFT JOIN (SELECT part, label, COUNT(*) AS examples FROM #told GROUP BY part, label) AS o ON o.part = p.part AND o.label = c.label
    LEFT JOIN (
        SELECT t.part, t.label, COUNT(*) AS examples
        FROM #true AS t
        INNER JOIN #told AS o ON o.part = t.part AND o.example = t.example AND o.label = t.label
        GROUP BY t.part, t.label) AS b ON b.part = p.part AND b.label = c.label;

    INSERT INTO #measures (part, label, metric, value)
    SELECT c.part, c.label, m.metric, CASE m.metric
        WHEN N'examples' THEN CAST(c.examples AS FLOAT)
        WHEN N'told' THEN CAST(c.told AS FLOAT)
        WHEN N'right' THEN CAST(c.right_told AS FLOAT)
        WHEN N'precision' THEN CAST(c.right_told AS FLOAT) / NULLIF(c.told, 0)
        WHEN N'recall' THEN CAST(c.right_told AS FLOAT) / NULLIF(c.examples, 0)
        ELSE CAST(2 AS FLOAT) * c.right_told / NULLIF(c.examples + c.told, 0) END
    FROM #counts AS c
    CROSS JOIN (
        VALUES (N'examples'), (N'told'), (N'right'), (N'precision'), (N'recall'), (N'f1')) AS m (metric);
    INSERT INTO #measures (part, label, metric, value)
    SELECT part, -1, N'macro_f1', AVG(value) FROM #measures WHERE metric = N'f1' GROUP BY part;
    -- An example is right where its classes are exactly those that were told.
    INSERT INTO #measures (part, label, metric, value)
    SELECT e.part, -1, m.metric, CASE m.metric WHEN N'examples' THEN CAST(COUNT(*) AS FLOAT) ELSE AVG(e.is_right) END
    FROM (
        SELECT t.part, t.example,
            CASE WHEN COUNT(o.label) = COUNT(*) AND COUNT(*) = MAX(k.told) THEN CAST(1 AS FLOAT) ELSE 0 END AS is_right
        FROM #true AS t
        LEFT JOIN #told AS o ON o.part = t.part AND o.example = t.example AND o.label = t.label
        LEFT JOIN (
            SELECT part, example, COUNT(*) AS told FROM #told GROUP BY part, example) AS k ON k.part = t.part AND k.example = t.example
        GROUP BY t.part, t.example) AS e
    CROSS JOIN (VALUES (N'examples'), (N'accuracy')) AS m (metric)
    GROUP BY e.part, m.metric;
END;
