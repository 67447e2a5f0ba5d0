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

    CREATE TABLE #vectors (scan_id INT NOT NULL, feature_index INT NOT NULL, x FLOAT NULL, PRIMARY KEY (scan_id, feature_index));
    CREATE TABLE #margins (scan_id INT NOT NULL PRIMARY KEY, margin FLOAT NOT NULL);

    EXECUTE internal.ReadVectors @ClassifierId, @RefuseMissing;
    IF EXISTS (SELECT 1 FROM dbo.classifiers WHERE classifier_id = @ClassifierId AND library = N'ensemble')
        EXECUTE internal.ScoreMembers @ClassifierId;
    ELSE
        EXECUTE internal.ScoreVectors @ClassifierId, 0;
    EXECUTE internal.CalibrateScores @ClassifierId, @Prevalence;
END;
