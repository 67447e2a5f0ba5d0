-- StartNetwork: fills #data (example, unit, value) and #targets (example, label) with the data set in its shuffled order, and
-- #layers and #weights with the stored network of the name, or with a new one. Called by TrainNetworkSql.
CREATE OR ALTER PROCEDURE internal.StartNetwork
    @ModelName NVARCHAR(128),  -- name of the network
    @Dataset NVARCHAR(128),    -- data set in dbo.examples
    @Hidden NVARCHAR(400),     -- units of the hidden layers, with commas
    @Seed INT,                 -- 1 to 2147483646
    @Iteration INT OUTPUT      -- the last stored iteration, 0 for a new network
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Inputs INT, @Classes INT, @Example INT, @Label INT, @Missing INT, @Numbers BIGINT, @Depth INT;
    EXECUTE internal.CheckDataset @Dataset, @Inputs OUTPUT;
    SET @Classes = (SELECT units FROM dbo.dense_layers WHERE network = @ModelName
        AND layer = (SELECT MAX(layer) FROM dbo.dense_layers WHERE network = @ModelName));
    SELECT TOP (1) @Example = e.example_id, @Label = y.label
    FROM (SELECT DISTINCT example_id FROM dbo.examples WHERE dataset = @Dataset) AS e
    LEFT JOIN dbo.example_labels AS y ON y.dataset = @Dataset AND y.example_id = e.example_id
    WHERE y.label IS NULL OR y.label < 0 OR y.label >= COALESCE(@Classes, 10000)
    ORDER BY e.example_id;
    IF @Example IS NOT NULL
    BEGIN
        SET @Message = REPLACE(CONCAT(N'Example ', @Example, N' of the data set ''', @Dataset, N''' has the label ',
            COALESCE(CAST(@Label AS NVARCHAR(12)), N'NULL'),
            N'. Give every example a class from 0 to ', COALESCE(@Classes, 10000) - 1, N' in dbo.example_labels.'), N'%', N'%%');
        THROW 50175, @Message, 1;
    END;

    SET @Iteration = COALESCE((SELECT MAX(iteration) FROM dbo.training_log WHERE network = @ModelName), 0);
    INSERT INTO #layers (layer, inputs, units, activation)
    SELECT h.layer, LAG(h.units, 1, @Inputs) OVER (ORDER BY h.layer), h.units, N'relu'
    FROM (
        SELECT CAST(j.[key] AS INT) AS layer, CAST(j.[value] AS INT) AS units
        FROM (SELECT CONCAT(N'[', @Hidden, N']') AS hidden) AS given
        CROSS APPLY OPENJSON(given.hidden) AS j) AS h;
    SET @Depth = (SELECT COUNT(*) FROM #layers);
    INSERT INTO #layers (layer, inputs, units, activation)
    SELECT @Depth, l.units, COALESCE(@Classes, (
        SELECT CASE WHEN MAX(y.label) < 1 THEN 2 ELSE MAX(y.label) + 1 END
        FROM dbo.example_labels AS y
        WHERE y.dataset = @Dataset AND y.example_id IN (SELECT e.example_id FROM dbo.examples AS e WHERE e.dataset = @Dataset))), N'softmax'
    FROM #layers AS l
    WHERE l.layer = @Depth - 1;
    SET @Numbers = (SELECT SUM(CAST(inputs AS BIGINT) * units) FROM #layers);

    -- The first numbers make the weights, the next the order of the examples.
    CREATE TABLE #numbers (number BIGINT NOT NULL PRIMARY KEY, state BIGINT NOT NULL);
    SET @Missing = (SELECT COUNT(DISTINCT example_id) FROM dbo.examples WHERE dataset = @Dataset);
    SET @Missing = @Missing + @Numbers;
    EXECUTE internal.DrawNumbers @Seed, @Missing;
    CREATE TABLE #order (example_id INT NOT NULL PRIMARY KEY, position INT NOT NULL);
    INSERT INTO #order (example_id, position)
    SELECT e.example_id, ROW_NUMBER() OVER (ORDER BY n.state, e.example_id) - 1
    FROM (
        SELECT example_id, ROW_NUMBER() OVER (ORDER BY example_id) - 1 + @Numbers AS number
        FROM dbo.examples
        WHERE dataset = @Dataset AND feature_index = 0) AS e
    INNER JOIN #numbers AS n ON n.number = e.number;
    INSERT INTO #data (example, unit, value)
    SELECT o.position, e.feature_index, e.value
    FROM dbo.examples AS e
    INNER JOIN #order AS o ON o.example_id = e.example_id
    WHERE e.dataset = @Dataset AND e.value <> 0
    UNION ALL
    SELECT position, -1, 1 FROM #order;
    INSERT INTO #targets (example, label)
    SELECT o.position, y.label
    FROM #order AS o
    INNER JOIN dbo.example_labels AS y ON y.dataset = @Dataset AND y.example_id = o.example_id;

    IF @Classes IS NOT NULL
    BEGIN
        IF (SELECT COUNT(*) FROM dbo.dense_layers WHERE network = @ModelName) <> (SELECT COUNT(*) FROM #layers)
            OR EXISTS (
                SELECT 1
                FROM #layers AS l
                LEFT JOIN dbo.dense_layers AS s ON s.network = @ModelName AND s.layer = l.layer
                    AND s.inputs = l.inputs AND s.units = l.units AND (s.activation = N'softmax' OR l.layer < @Depth)
                WHERE s.layer IS NULL)
        BEGIN
            SET @Message = REPLACE(CONCAT(N'The stored network ''', @ModelName, N''' has other layers than ', @Inputs, N' inputs, ',
                @Hidden, N' hidden units and a softmax. Give its own @Hidden and data set to go on with it, or another @ModelName.'),
                N'%', N'%%');
            THROW 50174, @Message, 1;
        END;
        DELETE FROM #layers;
        EXECUTE internal.ReadNetwork @ModelName;
        RETURN 0;
    END;

    -- Uniform within Glorot and Bengio's limit, the root of 6 / (inputs + units); the biases begin at 0.
    INSERT INTO #weights (layer, input, unit, value, velocity)
    SELECT w.layer, w.input, w.unit, (2 * (CAST(n.state AS FLOAT) / 2147483647) - 1) * SQRT(CAST(6 AS FLOAT) / (w.inputs + w.units)), 0
    FROM (
        SELECT l.layer, l.inputs, l.units, i.number AS input, u.number AS unit,
            ROW_NUMBER() OVER (ORDER BY l.layer, i.number, u.number) - 1 AS number
        FROM #layers AS l
        INNER JOIN #numbers AS i ON i.number < l.inputs
        INNER JOIN #numbers AS u ON u.number < l.units) AS w
    INNER JOIN #numbers AS n ON n.number = w.number
    UNION ALL
    SELECT l.layer, -1, u.number, 0, 0
    FROM #layers AS l
    INNER JOIN #numbers AS u ON u.number < l.units;
END;
