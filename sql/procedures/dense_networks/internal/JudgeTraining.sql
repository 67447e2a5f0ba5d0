-- JudgeTraining: says so where a training does not move from chance, or its loss rises; it stops nothing. Over the last 25 iterations the
-- mean cross-entropy is compared with that of guessing by the shares of the classes (at 99 % of it or more nothing is learnt), and the mean
-- loss, L2 included, with that of the 25 before (higher by 1 % and three standard errors it rises).
-- Called by TrainNetworkSql, whose tables #losses and #targets it reads.
CREATE OR ALTER PROCEDURE internal.JudgeTraining
    @RunId INT,       -- row of dbo.runs
    @Iteration INT    -- the last iteration
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Chance FLOAT, @Entropy FLOAT, @Before FLOAT, @Last FLOAT, @Error FLOAT;
    SET @Chance = (
        SELECT -SUM(s.share * LOG(s.share))
        FROM (
            SELECT CAST(COUNT(*) AS FLOAT) / (SELECT COUNT(*) FROM #targets) AS share FROM #targets GROUP BY label) AS s);
    SELECT @Before = AVG(CASE WHEN place > 25 THEN loss END), @Last = AVG(CASE WHEN place <= 25 THEN loss END),
        @Entropy = AVG(CASE WHEN place <= 25 THEN cross_entropy END),
        @Error = SQRT((VAR(CASE WHEN place > 25 THEN loss END) + VAR(CASE WHEN place <= 25 THEN loss END)) / 25)
    FROM (SELECT loss, cross_entropy, ROW_NUMBER() OVER (ORDER BY iteration DESC) AS place FROM #losses) AS l
    WHERE place <= 50;
    IF @Chance > 0 AND @Entropy >= 0.99 * @Chance
    BEGIN
        SET @Message = CONCAT(N'After ', @Iteration, N' iterations the training has not moved from chance: the cross-entropy is ',
            LTRIM(STR(@Entropy, 20, 4)), N', and guessing by the shares of the classes gives ', LTRIM(STR(@Chance, 20, 4)),
            N'. Scale the features with ScaleDataset, or change @LearningRate or @Hidden. It goes on.');
        EXECUTE internal.ReportStep @RunId, @Message;
    END;
    IF @Last > 1.01 * @Before AND @Last - @Before > 3 * @Error
    BEGIN
        SET @Message = CONCAT(N'After ', @Iteration, N' iterations the loss rises: its mean over the last 25 is ',
            LTRIM(STR(@Last, 20, 4)), N', over the 25 before ', LTRIM(STR(@Before, 20, 4)),
            N'. Lower @LearningRate or @Momentum, or scale the features with ScaleDataset. It goes on.');
        EXECUTE internal.ReportStep @RunId, @Message;
    END;
END;
