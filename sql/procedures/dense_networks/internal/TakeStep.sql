-- TakeStep: one batch through the network and back: fills #gradients, and #losses (iteration, cross_entropy) with a row.
-- Called by TrainNetworkSql.
CREATE OR ALTER PROCEDURE internal.TakeStep
    @Composed NVARCHAR(MAX), -- the step as ComposeStep wrote it, or NULL, which goes by #activations, #probabilities and #deltas
    @Iteration INT,          -- number of the step, from 1
    @Fill BIT,               -- 0 where the step before had the same batch
    @First INT,              -- first example of the batch, which goes on from the last example to number 0
    @BatchSize INT,          -- examples in the batch
    @Examples INT            -- examples in all
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Composed IS NOT NULL
    BEGIN
        DELETE FROM #batch;
        INSERT INTO #batch (iteration, fill, first_example, batch_size, examples)
        VALUES (@Iteration, @Fill, @First, @BatchSize, @Examples);
        EXECUTE (@Composed);
        RETURN 0;
    END;

    IF @Fill = 1
    BEGIN
        DELETE FROM #activations;
        INSERT INTO #activations (layer, example, unit, value)
        SELECT 0, example, unit, value
        FROM #data
        WHERE (example >= @First AND example < @First + @BatchSize) OR example < @First + @BatchSize - @Examples;
    END;
    ELSE
        DELETE FROM #activations WHERE layer > 0;

    EXECUTE internal.ForwardLayers;
    EXECUTE internal.FillProbabilities;
    INSERT INTO #losses (iteration, cross_entropy)
    SELECT @Iteration, AVG(p.loss)
    FROM #targets AS t
    INNER JOIN #probabilities AS p ON p.example = t.example AND p.label = t.label;
    EXECUTE internal.BackwardLayers;
END;
