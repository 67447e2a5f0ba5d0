-- FillProbabilities: fills #probabilities (example, label, value, loss) from the sums of the last layer in #activations.
-- The loss is the value's logarithm times -1, finite where the value is too small to be told from 0. Called by RunExamples.
CREATE OR ALTER PROCEDURE internal.FillProbabilities
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Top INT = (SELECT MAX(layer) + 1 FROM #layers), @Activation NVARCHAR(16);
    SET @Activation = (SELECT activation FROM #layers WHERE layer = @Top - 1);
    DELETE FROM #probabilities;
    IF @Activation = N'sigmoid'
        -- The softmax of 0 and the one sum.
        INSERT INTO #activations (layer, example, unit, value)
        SELECT @Top + 1, a.example, c.label, CASE WHEN c.label = 1 THEN a.value ELSE 0 END
        FROM #activations AS a
        CROSS JOIN (SELECT 0 AS label UNION ALL SELECT 1) AS c
        WHERE a.layer = @Top;
    IF @Activation = N'sigmoid'
        SET @Top = @Top + 1;

    -- EXP of a large number is an error: the largest sum of the example is subtracted first. No sum lacks a partner: LEFT
    -- makes the engine look up the sums of each example by their key instead of an index that it would build each time.
    INSERT INTO #probabilities (example, label, value, loss)
    SELECT a.example, a.unit, EXP(a.value - t.largest - t.logarithm), t.logarithm - (a.value - t.largest)
    FROM (
        SELECT m.example, MAX(m.largest) AS largest, LOG(SUM(EXP(b.value - m.largest))) AS logarithm
        FROM (
            SELECT example, MAX(value) AS largest
            FROM #activations
            WHERE layer = @Top
            GROUP BY example) AS m
        LEFT JOIN #activations AS b ON b.layer = @Top AND b.example = m.example
        GROUP BY m.example) AS t
    LEFT JOIN #activations AS a ON a.layer = @Top AND a.example = t.example;
END;
