-- ComposeStep: writes a training step of a small network as one batch over tables with a column for each unit, where TakeStep has a row:
-- several times as fast, the same sums in the same order. Adds those columns to #inputs, #odd, #even, #odd_slopes and #even_slopes. The
-- units of layer 0 are in #inputs, of others in #odd or #even, so that no statement reads the table that it fills; after the last layer
-- come its sums, and then these less the largest. The text is NULL for more than 500 weights or 20 classes, or units other than ReLU.
-- Called by TrainNetworkSql.
CREATE OR ALTER PROCEDURE internal.ComposeStep
    @Composed NVARCHAR(MAX) OUTPUT -- reads #batch, fills #gradients, and gives the mean cross-entropy to #losses
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Layer INT = 0, @Last INT = (SELECT MAX(layer) FROM #layers), @Wide NVARCHAR(MAX), @Inputs NVARCHAR(MAX), @Values NVARCHAR(MAX);
    DECLARE @Forward NVARCHAR(MAX) = N'', @Middle NVARCHAR(MAX), @Backward NVARCHAR(MAX) = N'', @There NVARCHAR(MAX), @Back NVARCHAR(MAX);
    SET @Composed = NULL;
    IF (SELECT COUNT(*) FROM #weights) > 500 OR (SELECT units FROM #layers WHERE layer = @Last) > 20
        OR EXISTS (SELECT 1 FROM #layers WHERE layer < @Last AND activation <> N'relu')
        RETURN 0;

    SELECT @Wide = STRING_AGG(CAST(CONCAT(N'v', unit, N' FLOAT NULL') AS NVARCHAR(MAX)), N', ') WITHIN GROUP (ORDER BY unit)
    FROM #weights
    WHERE input = -1 AND layer = (SELECT TOP (1) layer FROM #layers ORDER BY units DESC, layer);
    SELECT @Inputs = STRING_AGG(CAST(CONCAT(N'v', input) AS NVARCHAR(MAX)), N', ') WITHIN GROUP (ORDER BY input),
        @Values = STRING_AGG(CAST(CONCAT(N'SUM(CASE WHEN d.unit = ', input, N' THEN d.value ELSE 0 END)') AS NVARCHAR(MAX)), N', ')
            WITHIN GROUP (ORDER BY input)
    FROM #weights
    WHERE layer = 0 AND unit = 0 AND input >= 0;
    SET @Composed = REPLACE(REPLACE(CAST(N'ALTER TABLE #inputs ADD $inputs FLOAT NULL;
ALTER TABLE #odd ADD $wide;
ALTER TABLE #even ADD $wide;
ALTER TABLE #odd_slopes ADD $wide;
ALTER TABLE #even_slopes ADD $wide;' AS NVARCHAR(MAX)), N'$inputs', REPLACE(@Inputs, N',', N' FLOAT NULL,')), N'$wide', @Wide);
    EXECUTE (@Composed);

    WHILE @Layer <= @Last
    BEGIN
        EXECUTE internal.ComposeLayer @Layer, @There OUTPUT, @Back OUTPUT;
        SET @Forward = CONCAT(@Forward, @There);
        SET @Backward = CONCAT(@Back, @Backward);
        SET @Layer = @Layer + 1;
    END;
    EXECUTE internal.ComposeLoss @Middle OUTPUT;
    SET @Composed = CONCAT(REPLACE(REPLACE(CAST(N'DECLARE @Fill BIT, @First INT, @BatchSize INT, @Examples INT, @Iteration INT;
SELECT @Fill = fill, @First = first_example, @BatchSize = batch_size, @Examples = examples, @Iteration = iteration FROM #batch;
IF @Fill = 1
BEGIN
    DELETE FROM #inputs;
    INSERT INTO #inputs (layer, example, label, $inputs)
    SELECT 0, d.example, MAX(t.label), $values
    FROM #data AS d
    INNER JOIN #targets AS t ON t.example = d.example
    WHERE (d.example >= @First AND d.example < @First + @BatchSize) OR d.example < @First + @BatchSize - @Examples
    GROUP BY d.example;
END;
DELETE FROM #odd;
DELETE FROM #even;
DELETE FROM #odd_slopes;
DELETE FROM #even_slopes;
DELETE FROM #gradients;' AS NVARCHAR(MAX)), N'$inputs', @Inputs), N'$values', @Values), @Forward, @Middle, @Backward);
END;
