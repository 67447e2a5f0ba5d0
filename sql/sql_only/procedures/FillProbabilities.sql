-- FillProbabilities: fills #probabilities (example, label, value) from the sums of the last layer in #activations.
-- Called by ScoreNetworkSql.
CREATE OR ALTER PROCEDURE dbo.FillProbabilities
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Top INT = (SELECT MAX(layer) + 1 FROM #layers), @Activation NVARCHAR(16);
    SET @Activation = (SELECT activation FROM #layers WHERE layer = @Top - 1);
    DELETE FROM #probabilities;
    IF @Activation = N'sigmoid'
        INSERT INTO #probabilities (example, label, value)
        SELECT a.example, c.label,
            CASE WHEN (a.value >= 0 AND c.label = 1) OR (a.value < 0 AND c.label = 0) THEN CAST(1 AS FLOAT) ELSE EXP(-ABS(a.value)) END
                / (1 + EXP(-ABS(a.value)))
        FROM #activations AS a
        CROSS JOIN (SELECT 0 AS label UNION ALL SELECT 1) AS c
        WHERE a.layer = @Top;
    ELSE
        -- EXP of a large number is an error: the largest sum of the example is subtracted first.
        INSERT INTO #probabilities (example, label, value)
        SELECT s.example, s.unit, s.share / SUM(s.share) OVER (PARTITION BY s.example)
        FROM (
            SELECT a.example, a.unit, EXP(a.value - MAX(a.value) OVER (PARTITION BY a.example)) AS share
            FROM #activations AS a
            WHERE a.layer = @Top) AS s;
END;
