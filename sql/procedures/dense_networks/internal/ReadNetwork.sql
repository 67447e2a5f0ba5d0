-- ReadNetwork: fills #layers (layer, inputs, units, activation) and #weights (layer, input, unit, value, velocity) of a
-- stored network. Input -1 is the constant 1, whose weights are the biases. Called by RunExamples.
CREATE OR ALTER PROCEDURE internal.ReadNetwork
    @ModelName NVARCHAR(128) -- network in dbo.dense_layers
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Layer INT;
    INSERT INTO #layers (layer, inputs, units, activation)
    SELECT layer, inputs, units, activation
    FROM dbo.dense_layers
    WHERE network = @ModelName;

    INSERT INTO #weights (layer, input, unit, value, velocity)
    SELECT p.layer, CASE WHEN p.is_bias = 1 THEN -1 ELSE t.row_index END, t.column_index, t.value,
        COALESCE(v.value, CAST(0 AS FLOAT))
    FROM (
        SELECT l.layer, b.is_bias, CONCAT(l.layer, CASE WHEN b.is_bias = 1 THEN N'.bias' ELSE N'.weight' END) AS tensor
        FROM #layers AS l
        CROSS JOIN (SELECT 0 AS is_bias UNION ALL SELECT 1) AS b) AS p
    INNER JOIN dbo.tensors AS t ON t.network = @ModelName AND t.tensor = p.tensor
    LEFT JOIN dbo.tensors AS v ON v.network = @ModelName AND v.tensor = CONCAT(p.tensor, N'.velocity')
        AND v.row_index = t.row_index AND v.column_index = t.column_index;

    SET @Layer = (
        SELECT MIN(l.layer)
        FROM #layers AS l
        LEFT JOIN #layers AS following ON following.layer = l.layer + 1
        LEFT JOIN (
            SELECT layer, COUNT(*) AS numbers, MIN(input) AS first_input, MAX(input) AS last_input,
                MIN(unit) AS first_unit, MAX(unit) AS last_unit
            FROM #weights
            GROUP BY layer) AS w ON w.layer = l.layer
        WHERE COALESCE(w.numbers, 0) <> (CAST(l.inputs AS BIGINT) + 1) * l.units OR w.first_input <> -1 OR w.last_input <> l.inputs - 1
            OR w.first_unit <> 0 OR w.last_unit <> l.units - 1 OR following.inputs <> l.units
            OR (l.layer > 0 AND NOT EXISTS (SELECT 1 FROM #layers AS earlier WHERE earlier.layer = l.layer - 1))
            OR (following.layer IS NULL AND NOT (l.activation = N'softmax' AND l.units > 1 OR l.activation = N'sigmoid' AND l.units = 1))
            OR (following.layer IS NOT NULL AND l.activation = N'softmax'));
    IF @Layer IS NOT NULL
    BEGIN
        SET @Message = REPLACE(CONCAT(N'The tensors of layer ', @Layer, N' of the network ''', @ModelName,
            N''' do not fit its row in dbo.dense_layers, or the layer does not fit the next. Load the network again.'), N'%', N'%%');
        THROW 50173, @Message, 1;
    END;
END;
