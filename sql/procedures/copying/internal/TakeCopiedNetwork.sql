-- TakeCopiedNetwork: stores the dense network in #copy_layers and #copy_tensors, unless another network has its name, and compares the
-- probabilities that it gives here with those in #copy_answers; inside the caller's transaction.
-- Called by TakeCopy, whose script's tables it reads.
CREATE OR ALTER PROCEDURE internal.TakeCopiedNetwork
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @ModelName NVARCHAR(128) = (SELECT MIN(network) FROM #copy_layers), @Stored INT, @Alike INT,
        @Numbers INT, @Dataset NVARCHAR(128), @Difference FLOAT;
    SET @Stored = (SELECT COUNT(*) FROM dbo.dense_layers WITH (UPDLOCK, HOLDLOCK) WHERE network = @ModelName);
    SET @Numbers = (SELECT COUNT(*) FROM #copy_tensors);
    -- Velocities are of a training here, and no part of what a network computes.
    SET @Stored = @Stored + (SELECT COUNT(*) FROM dbo.tensors WHERE network = @ModelName AND tensor NOT LIKE N'%.velocity');
    IF @Stored = 0
    BEGIN
        INSERT INTO dbo.dense_layers (network, layer, inputs, units, activation)
        SELECT network, layer, inputs, units, activation FROM #copy_layers;
        INSERT INTO dbo.tensors (network, tensor, row_index, column_index, value)
        SELECT @ModelName, tensor, row_index, column_index, value FROM #copy_tensors;
    END;
    SET @Alike = (
        SELECT COUNT(*)
        FROM #copy_layers AS c
        INNER JOIN dbo.dense_layers AS s ON s.network = @ModelName AND s.layer = c.layer
        WHERE s.inputs = c.inputs AND s.units = c.units AND s.activation = c.activation);
    SET @Alike = @Alike + (
        SELECT COUNT(*)
        FROM #copy_tensors AS c
        INNER JOIN dbo.tensors AS s ON s.network = @ModelName AND s.tensor = c.tensor AND s.row_index = c.row_index
            AND s.column_index = c.column_index
        WHERE s.value = c.value);
    IF @Alike <> @Numbers + (SELECT COUNT(*) FROM #copy_layers) OR @Stored NOT IN (0, @Alike)
    BEGIN
        SET @Message = REPLACE(CONCAT(N'Another network is stored here as ''', @ModelName,
            N'''. Delete its rows from dbo.dense_layers, dbo.tensors and ',
            N'dbo.training_log, or load the network to copy under another name.'), N'%', N'%%');
        THROW 50155, @Message, 1;
    END;

    CREATE TABLE #answers (example_id INT NOT NULL, label INT NOT NULL, probability FLOAT NOT NULL, PRIMARY KEY (example_id, label));
    SET @Dataset = CONVERT(NVARCHAR(36), NEWID());
    INSERT INTO dbo.examples (dataset, example_id, feature_index, value)
    SELECT @Dataset, example_id, feature_index, value FROM #copy_probes;
    INSERT INTO #answers (example_id, label, probability)
    EXECUTE dbo.ScoreNetworkSql @ModelName = @ModelName, @Dataset = @Dataset;
    DELETE FROM dbo.examples WHERE dataset = @Dataset;
    SET @Difference = (
        SELECT MAX(COALESCE(ABS(a.probability - c.probability), 1))
        FROM #copy_answers AS c
        LEFT JOIN #answers AS a ON a.example_id = c.example_id AND a.label = c.label);
    IF @Difference >= CAST(N'1e-6' AS FLOAT)
    BEGIN
        SET @Message = REPLACE(CONCAT(N'The network ''', @ModelName, N''' gives probabilities up to ', @Difference,
            N' away from what its numbers say, where 1e-6 is allowed. Install lungdb again here, and repeat the copy.'), N'%', N'%%');
        THROW 50151, @Message, 1;
    END;
END;
