-- StoreNetwork: stores #layers, #weights and the new rows of #log in one transaction. Called by TrainNetworkSql.
CREATE OR ALTER PROCEDURE internal.StoreNetwork
    @ModelName NVARCHAR(128), -- name of the network
    @Dataset NVARCHAR(128),   -- data set that it learns from
    @LearningRate FLOAT       -- size of the steps
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    BEGIN TRANSACTION;
    EXECUTE internal.RegisterExamples @Dataset, 1;
    DELETE FROM dbo.tensors WHERE network = @ModelName;
    INSERT INTO dbo.tensors (network, tensor, row_index, column_index, value)
    SELECT @ModelName,
        CONCAT(w.layer, CASE WHEN w.input = -1 THEN N'.bias' ELSE N'.weight' END,
            CASE WHEN k.is_velocity = 1 THEN N'.velocity' ELSE N'' END),
        CASE WHEN w.input = -1 THEN 0 ELSE w.input END, w.unit, CASE WHEN k.is_velocity = 1 THEN w.velocity ELSE w.value END
    FROM #weights AS w
    CROSS JOIN (SELECT 0 AS is_velocity UNION ALL SELECT 1) AS k;
    INSERT INTO dbo.dense_layers (network, layer, inputs, units, activation)
    SELECT @ModelName, l.layer, l.inputs, l.units, l.activation
    FROM #layers AS l
    WHERE NOT EXISTS (SELECT 1 FROM dbo.dense_layers AS d WHERE d.network = @ModelName AND d.layer = l.layer);
    INSERT INTO dbo.training_log (network, iteration, dataset, examples, learning_rate, loss)
    SELECT @ModelName, iteration, @Dataset, examples, @LearningRate, loss
    FROM #log;
    COMMIT TRANSACTION;
    DELETE FROM #log;
END;
