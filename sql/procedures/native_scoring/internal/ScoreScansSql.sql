-- ScoreScansSql: scores the scans in #wanted with a model of dbo.model_scoring, all at once and with T-SQL alone.
-- Called by PredictPatientsSql, PredictLungCancerSql, StoreModelNodes and TakeCopiedScans,
-- whose tables #wanted it reads and #scores it fills.
CREATE OR ALTER PROCEDURE internal.ScoreScansSql
    @ClassifierId INT,     -- model
    @Prevalence FLOAT,     -- share of positives at the site, or NULL for no correction
    @RefuseMissing BIT = 0 -- 1 refuses a null among the features, as Python does; 0 leaves it to the model
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    CREATE TABLE #vectors (scan_id INT NOT NULL, feature_index INT NOT NULL, x FLOAT NULL);
    CREATE TABLE #margins (scan_id INT NOT NULL PRIMARY KEY, margin FLOAT NOT NULL);

    EXECUTE internal.ReadVectors @ClassifierId, @RefuseMissing;
    IF EXISTS (SELECT 1 FROM dbo.model_scoring WHERE classifier_id = @ClassifierId AND trees > 0)
        EXECUTE internal.WalkTrees @ClassifierId;
    ELSE
        EXECUTE internal.AddTerms @ClassifierId;

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
    EXECUTE internal.CalibrateScores @ClassifierId, @Prevalence;
END;
