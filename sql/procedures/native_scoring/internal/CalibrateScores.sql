-- CalibrateScores: turns the raw scores in #scores into probabilities, and moves them to the share of positives at a site. Numbers that a
-- regression predicts stay as they are.
-- Called by ScoreScansSql and ScoreMembers; #scores is that of ScoreScansSql's callers.
CREATE OR ALTER PROCEDURE internal.CalibrateScores
    @ClassifierId INT, -- model whose scores they are
    @Prevalence FLOAT  -- share of positives at the site, or NULL for no correction
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Method VARCHAR(8), @Slope FLOAT, @Intercept FLOAT, @TrainedOn FLOAT;
    DECLARE @Least FLOAT = CAST(N'1e-12' AS FLOAT), @Odds FLOAT;
    CREATE TABLE #odds (scan_id INT NOT NULL PRIMARY KEY, margin FLOAT NOT NULL);
    CREATE TABLE #places (scan_id INT NOT NULL PRIMARY KEY, position INT NOT NULL);

    IF EXISTS (SELECT 1 FROM dbo.classifiers WHERE classifier_id = @ClassifierId AND task = 'regression')
        RETURN 0;
    SELECT @Method = method, @Slope = x, @Intercept = y FROM dbo.model_calibration WHERE classifier_id = @ClassifierId AND position = 0;
    IF @Method = 'platt'
    BEGIN
        -- Log-odds of a score no nearer than 1e-12 to 0 and 1.
        INSERT INTO #odds (scan_id, margin)
        SELECT k.scan_id, @Slope * LOG(k.kept / (1 - k.kept)) + @Intercept
        FROM (
            SELECT scan_id, CASE WHEN raw < @Least THEN @Least WHEN raw > 1 - @Least THEN 1 - @Least ELSE raw END AS kept
            FROM #scores) AS k;
        -- EXP of a large number is an error, so it is given negative ones only, and 700 is as good as infinity.
        UPDATE s
        SET s.probability = CASE
            WHEN o.margin < -700 THEN EXP(CAST(-700 AS FLOAT))
            WHEN o.margin < 0 THEN EXP(o.margin) / (1 + EXP(o.margin))
            WHEN o.margin > 700 THEN 1
            ELSE 1 / (1 + EXP(-o.margin)) END
        FROM #scores AS s
        INNER JOIN #odds AS o ON o.scan_id = s.scan_id;
    END;
    IF @Method = 'isotonic'
    BEGIN
        -- The last point at or below the score; before the first one and after the last the curve is flat.
        INSERT INTO #places (scan_id, position)
        SELECT s.scan_id, MAX(c.position)
        FROM #scores AS s
        INNER JOIN dbo.model_calibration AS c ON c.x <= s.raw OR c.position = 0
        WHERE c.classifier_id = @ClassifierId
        GROUP BY s.scan_id;
        UPDATE s
        SET s.probability = CASE
            WHEN s.raw <= c.x OR later.x IS NULL THEN c.y
            ELSE (later.y - c.y) / (later.x - c.x) * (s.raw - c.x) + c.y END
        FROM #scores AS s
        INNER JOIN #places AS p ON p.scan_id = s.scan_id
        INNER JOIN dbo.model_calibration AS c ON c.classifier_id = @ClassifierId AND c.position = p.position
        LEFT JOIN dbo.model_calibration AS later ON later.classifier_id = @ClassifierId AND later.position = p.position + 1;
    END;
    IF @Prevalence IS NULL
        RETURN 0;

    SET @TrainedOn = (SELECT prevalence FROM dbo.model_scoring WHERE classifier_id = @ClassifierId);
    IF @TrainedOn IS NULL
    BEGIN
        SET @Message = N'It is not known which share of positives the model was trained on. Train it again, or leave @Prevalence NULL.';
        THROW 50154, @Message, 1;
    END;
    SET @Odds = (@Prevalence / (1 - @Prevalence)) / (@TrainedOn / (1 - @TrainedOn));
    UPDATE #scores SET probability = @Odds * probability / (@Odds * probability + 1 - probability);
END;
