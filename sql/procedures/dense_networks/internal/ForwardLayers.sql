-- ForwardLayers: fills #activations (layer, example, unit, value) from its layer 0 on; the last layer's sums stay as they are.
-- Unit -1 is the constant 1 that the biases are multiplied by. A unit without a row is 0. Called by RunExamples.
CREATE OR ALTER PROCEDURE internal.ForwardLayers
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Layer INT = 0, @Last INT = (SELECT MAX(layer) FROM #layers), @Activation NVARCHAR(16), @IsRelu INT;
    WHILE @Layer <= @Last
    BEGIN
        SET @Activation = (SELECT CASE WHEN layer = @Last THEN N'identity' ELSE activation END FROM #layers WHERE layer = @Layer);
        SET @IsRelu = CASE WHEN @Activation = N'relu' THEN 1 ELSE 0 END;
        INSERT INTO #activations (layer, example, unit, value)
        SELECT @Layer + 1, a.example, w.unit, SUM(a.value * w.value)
        FROM #activations AS a
        INNER JOIN #weights AS w ON w.layer = @Layer AND w.input = a.unit
        WHERE a.layer = @Layer
        GROUP BY a.example, w.unit
        HAVING @IsRelu = 0 OR SUM(a.value * w.value) > 0;

        -- Forms whose EXP cannot overflow.
        IF @Activation = N'tanh'
            UPDATE #activations
            SET value = CASE WHEN value >= 0 THEN 1 ELSE -1 END * (1 - EXP(-2 * ABS(value))) / (1 + EXP(-2 * ABS(value)))
            WHERE layer = @Layer + 1;
        IF @Activation = N'sigmoid'
            UPDATE #activations
            SET value = CASE WHEN value >= 0 THEN CAST(1 AS FLOAT) ELSE EXP(-ABS(value)) END / (1 + EXP(-ABS(value)))
            WHERE layer = @Layer + 1;

        INSERT INTO #activations (layer, example, unit, value)
        SELECT @Layer + 1, example, -1, 1
        FROM #activations
        WHERE layer = @Layer AND unit = -1 AND @Layer < @Last;
        SET @Layer = @Layer + 1;
    END;
END;
