-- ScoreVectors: fills #scores with a model's raw scores of the scans in #vectors, no ensemble's; of a regression with the numbers
-- that it predicts.
-- Called by ScoreScansSql and ScoreMembers; #vectors and #margins are those of ScoreScansSql, #scores that of its callers.
CREATE OR ALTER PROCEDURE internal.ScoreVectors
    @ClassifierId INT, -- model with a row in dbo.model_scoring
    @FirstIndex INT    -- where its features begin in the vector
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Library NVARCHAR(32), @Task VARCHAR(14);
    SELECT @Library = library, @Task = task FROM dbo.classifiers WHERE classifier_id = @ClassifierId;
    DELETE FROM #margins;
    IF @Library = N'network'
        EXECUTE internal.RunNetwork @ClassifierId, @FirstIndex;
    ELSE IF EXISTS (SELECT 1 FROM dbo.model_scoring WHERE classifier_id = @ClassifierId AND trees > 0)
        EXECUTE internal.WalkTrees @ClassifierId, @FirstIndex;
    ELSE
        EXECUTE internal.AddTerms @ClassifierId, @FirstIndex;

    IF @Task = 'regression'
    BEGIN
        INSERT INTO #scores (scan_id, raw, probability)
        SELECT scan_id, margin, NULL FROM #margins;
        RETURN 0;
    END;
    -- EXP of a large number is an error, so it is given negative ones only, and 700 is as good as infinity.
    INSERT INTO #scores (scan_id, raw, probability)
    SELECT r.scan_id, r.raw, r.raw
    FROM (
        SELECT m.scan_id, CASE
            WHEN s.steepness * m.margin < -700 THEN EXP(CAST(-700 AS FLOAT))
            WHEN m.margin < 0 THEN EXP(s.steepness * m.margin) / (1 + EXP(s.steepness * m.margin))
            WHEN s.steepness * m.margin > 700 THEN 1
            ELSE 1 / (1 + EXP(-s.steepness * m.margin)) END AS raw
        FROM #margins AS m
        INNER JOIN dbo.model_scoring AS s ON s.classifier_id = @ClassifierId) AS r;
END;
