-- ForwardLayers: fills #activations (layer, example, unit, value) from its layer 0 on; the last layer's sums stay as they are.
-- Unit -1 is the constant 1 that the biases are multiplied by. A unit without a row is 0. Called by ScoreNetworkSql.
CREATE OR ALTER PROCEDURE dbo.ForwardLayers
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Layer INT = 0, @Last INT = (SELECT MAX(layer) FROM #layers), @Activation NVARCHAR(16);
    WHILE @Layer <= @Last
    BEGIN
        SET @Activation = (SELECT CASE WHEN layer = @Last THEN N'identity' ELSE activation END FROM #layers WHERE layer = @Layer);
        INSERT INTO #activations (layer, example, unit, value)
        SELECT @Layer + 1, s.example, s.unit,
            CASE @Activation
                WHEN N'tanh' THEN
                    -- The form whose EXP cannot overflow.
                    CASE WHEN s.total >= 0 THEN 1 ELSE -1 END * (1 - EXP(-2 * ABS(s.total))) / (1 + EXP(-2 * ABS(s.total)))
                WHEN N'sigmoid' THEN
                    CASE WHEN s.total >= 0 THEN CAST(1 AS FLOAT) ELSE EXP(-ABS(s.total)) END / (1 + EXP(-ABS(s.total)))
                ELSE s.total
            END
        FROM (
            SELECT c.example, b.unit, (
                SELECT SUM(a.value * w.value)
                FROM #activations AS a
                INNER JOIN #weights AS w ON w.layer = @Layer AND w.input = a.unit AND w.unit = b.unit
                WHERE a.layer = @Layer AND a.example = c.example) AS total
            FROM #activations AS c
            CROSS JOIN #weights AS b
            WHERE c.layer = @Layer AND c.unit = -1 AND b.layer = @Layer AND b.input = -1) AS s
        WHERE @Activation <> N'relu' OR s.total > 0;

        INSERT INTO #activations (layer, example, unit, value)
        SELECT @Layer + 1, example, -1, 1
        FROM #activations
        WHERE layer = @Layer AND unit = -1 AND @Layer < @Last;
        SET @Layer = @Layer + 1;
    END;
END;
