-- ScoreMembers: fills #scores with an ensemble's raw scores: the mean of its members' log-odds, each calibrated and at one prevalence.
-- Called by ScoreScansSql, whose tables #vectors and #margins its members use; #scores is that of ScoreScansSql's callers.
CREATE OR ALTER PROCEDURE internal.ScoreMembers
    @ClassifierId INT -- ensemble with rows in dbo.ensemble_members
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Position INT = 0, @MemberId INT, @FirstIndex INT, @Prevalence FLOAT, @Least FLOAT = CAST(N'1e-12' AS FLOAT);
    CREATE TABLE #member_odds (scan_id INT NOT NULL, position INT NOT NULL, log_odds FLOAT NOT NULL, PRIMARY KEY (scan_id, position));
    SET @Prevalence = (SELECT prevalence FROM dbo.model_scoring WHERE classifier_id = @ClassifierId);

    WHILE @Position IS NOT NULL
    BEGIN
        SELECT @MemberId = member_classifier_id, @FirstIndex = first_index
        FROM dbo.ensemble_members
        WHERE classifier_id = @ClassifierId AND position = @Position;
        DELETE FROM #scores;
        EXECUTE internal.ScoreVectors @MemberId, @FirstIndex;
        EXECUTE internal.CalibrateScores @MemberId, @Prevalence;
        -- Log-odds of a probability no nearer than 1e-12 to 0 and 1.
        INSERT INTO #member_odds (scan_id, position, log_odds)
        SELECT k.scan_id, @Position, LOG(k.kept / (1 - k.kept))
        FROM (
            SELECT scan_id,
                CASE WHEN probability < @Least THEN @Least WHEN probability > 1 - @Least THEN 1 - @Least ELSE probability END AS kept
            FROM #scores) AS k;
        SET @Position = (
            SELECT MIN(position) FROM dbo.ensemble_members WHERE classifier_id = @ClassifierId AND position > @Position);
    END;

    -- No mean is beyond 28, so that EXP is finite.
    DELETE FROM #scores;
    INSERT INTO #scores (scan_id, raw, probability)
    SELECT m.scan_id, 1 / (1 + EXP(-m.log_odds)), 1 / (1 + EXP(-m.log_odds))
    FROM (SELECT scan_id, AVG(log_odds) AS log_odds FROM #member_odds GROUP BY scan_id) AS m;
END;
