-- BackwardLayers: fills #gradients (layer, input, unit, value) with the derivatives of the batch's mean cross-entropy, from
-- #activations, #probabilities and #targets, by way of #deltas (layer, example, unit, value). Called by TrainNetworkSql.
CREATE OR ALTER PROCEDURE dbo.BackwardLayers
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Layer INT = (SELECT MAX(layer) FROM #layers), @Activation NVARCHAR(16);
    DECLARE @Examples FLOAT = (SELECT COUNT(*) FROM #activations WHERE layer = 0 AND unit = -1);
    DELETE FROM #gradients;
    DELETE FROM #deltas;
    INSERT INTO #deltas (layer, example, unit, value)
    SELECT @Layer, p.example, p.label, (p.value - CASE WHEN t.label = p.label THEN 1 ELSE 0 END) / @Examples
    FROM #probabilities AS p
    INNER JOIN #targets AS t ON t.example = p.example;

    WHILE @Layer >= 0
    BEGIN
        INSERT INTO #gradients (layer, input, unit, value)
        SELECT @Layer, a.unit, d.unit, SUM(a.value * d.value)
        FROM #activations AS a
        INNER JOIN #deltas AS d ON d.layer = @Layer AND d.example = a.example
        WHERE a.layer = @Layer
        GROUP BY a.unit, d.unit;

        SET @Activation = (SELECT activation FROM #layers WHERE layer = @Layer - 1);
        INSERT INTO #deltas (layer, example, unit, value)
        SELECT @Layer - 1, s.example, s.unit,
            s.total * CASE @Activation WHEN N'tanh' THEN 1 - s.value * s.value WHEN N'sigmoid' THEN s.value * (1 - s.value) ELSE 1 END
        FROM (
            SELECT a.example, a.unit, a.value, (
                SELECT SUM(d.value * w.value)
                FROM #deltas AS d
                INNER JOIN #weights AS w ON w.layer = @Layer AND w.input = a.unit AND w.unit = d.unit
                WHERE d.layer = @Layer AND d.example = a.example) AS total
            FROM #activations AS a
            WHERE a.layer = @Layer AND a.unit >= 0 AND @Layer > 0) AS s;
        SET @Layer = @Layer - 1;
    END;
END;
