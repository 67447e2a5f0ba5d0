-- BackwardLayers: fills #gradients (layer, input, unit, value) with the derivatives of the batch's mean cross-entropy, from
-- #activations, #probabilities and #targets, by way of #deltas (layer, example, unit, value). Called by TakeStep.
CREATE OR ALTER PROCEDURE internal.BackwardLayers
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Layer INT = (SELECT MAX(layer) FROM #layers), @Activation NVARCHAR(16), @Constant FLOAT, @Linear FLOAT, @Square FLOAT;
    DECLARE @Share FLOAT = CAST(1 AS FLOAT) / (SELECT COUNT(*) FROM #activations WHERE layer = 0 AND unit = -1);
    DELETE FROM #gradients;
    DELETE FROM #deltas;
    INSERT INTO #deltas (layer, example, unit, value)
    SELECT @Layer, p.example, p.label, (p.value - CASE WHEN t.label = p.label THEN 1 ELSE 0 END) * @Share
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

        -- The activation's derivative from the unit's own value v: 1 for ReLU, whose zeros have no row, 1 - v * v for tanh,
        -- v - v * v for the sigmoid.
        SET @Activation = (SELECT activation FROM #layers WHERE layer = @Layer - 1);
        SET @Constant = CASE WHEN @Activation = N'sigmoid' THEN 0 ELSE 1 END;
        SET @Linear = CASE WHEN @Activation = N'sigmoid' THEN 1 ELSE 0 END;
        SET @Square = CASE WHEN @Activation IN (N'sigmoid', N'tanh') THEN -1 ELSE 0 END;
        INSERT INTO #deltas (layer, example, unit, value)
        SELECT @Layer - 1, a.example, a.unit,
            SUM(d.value * w.value) * (@Constant + @Linear * MAX(a.value) + @Square * MAX(a.value) * MAX(a.value))
        FROM #activations AS a
        INNER JOIN #deltas AS d ON d.layer = @Layer AND d.example = a.example
        INNER JOIN #weights AS w ON w.layer = @Layer AND w.input = a.unit AND w.unit = d.unit
        WHERE a.layer = @Layer AND a.unit >= 0 AND @Layer > 0
        GROUP BY a.example, a.unit;
        SET @Layer = @Layer - 1;
    END;
END;
