-- UpdateWeights: one step of gradient descent with momentum on #weights, by #gradients; L2 holds the weights down, not the
-- biases. Called by TrainNetworkSql.
CREATE OR ALTER PROCEDURE internal.UpdateWeights
    @LearningRate FLOAT, -- size of the step
    @L2 FLOAT,           -- the loss holds half of it times the sum of the squared weights
    @Momentum FLOAT      -- share of the last step that is taken again
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    UPDATE w
    SET velocity = @Momentum * w.velocity
        - @LearningRate * (COALESCE(g.value, CAST(0 AS FLOAT)) + CASE WHEN w.input = -1 THEN 0 ELSE @L2 * w.value END)
    FROM #weights AS w
    LEFT JOIN #gradients AS g ON g.layer = w.layer AND g.input = w.input AND g.unit = w.unit;
    UPDATE #weights SET value = value + velocity;
END;
