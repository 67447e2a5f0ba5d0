-- StorePredictions: stores the scores in #scores as rows of dbo.predictions and shows them in the worklist.
-- Scores of scans that were removed meanwhile are taken out of #scores, and a model that was deleted is refused.
-- Called by PredictLungCancer, StoreScored and the procedures in plain T-SQL, whose tables #wanted and #scores it reads; those with a
-- script have #measured too, with the distances by which the scope is judged.
CREATE OR ALTER PROCEDURE internal.StorePredictions
    @ClassifierId INT,  -- model that gave the scores
    @Prevalence FLOAT,  -- share of positives that they are corrected to, or NULL
    @IsMeasured BIT = 0 -- 1 when #measured is there
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Locked INT, @Scans NVARCHAR(MAX), @Outside INT, @Scored INT, @IsRegression BIT;
    CREATE TABLE #judged (
        scan_id INT NOT NULL PRIMARY KEY, distance FLOAT NULL, scope VARCHAR(7) COLLATE DATABASE_DEFAULT NULL,
        scope_reason NVARCHAR(400) COLLATE DATABASE_DEFAULT NULL);
    IF @IsMeasured = 1
        INSERT INTO #judged (scan_id, distance)
        SELECT s.scan_id, m.distance
        FROM #scores AS s
        LEFT JOIN #measured AS m ON m.scan_id = s.scan_id;
    ELSE
    BEGIN
        INSERT INTO #judged (scan_id)
        SELECT scan_id FROM #scores;
        EXECUTE internal.MeasureScope @ClassifierId;
    END;
    EXECUTE internal.JudgeScope @ClassifierId;
    BEGIN TRANSACTION;
    -- Before anything is written, so that two who score the same scan wait for each other here, and not crosswise.
    SET @Locked = (SELECT COUNT(*) FROM dbo.worklist WITH (UPDLOCK, HOLDLOCK) WHERE scan_id IN (SELECT scan_id FROM #scores));
    SET @IsRegression = (
        SELECT CASE task WHEN 'regression' THEN 1 ELSE 0 END FROM dbo.classifiers WITH (UPDLOCK, HOLDLOCK)
        WHERE classifier_id = @ClassifierId);
    IF @IsRegression IS NULL
    BEGIN
        SET @Message = N'The model was deleted while it was scoring. Nothing is stored. Take another one; see dbo.classifiers.';
        THROW 50232, @Message, 1;
    END;
    DELETE FROM #scores WHERE scan_id NOT IN (
        SELECT s.scan_id FROM dbo.scans AS s WITH (UPDLOCK, HOLDLOCK) INNER JOIN #wanted AS w ON w.scan_id = s.scan_id);
    INSERT INTO dbo.predictions (
        scan_id, classifier_id, probability, raw_probability, predicted, prevalence, vector_sha256, scope, scope_reason)
    SELECT s.scan_id, @ClassifierId, s.probability, IIF(@IsRegression = 1, NULL, s.raw), IIF(@IsRegression = 1, s.raw, NULL),
        @Prevalence, w.vector_sha256, j.scope, j.scope_reason
    FROM #scores AS s
    INNER JOIN #wanted AS w ON w.scan_id = s.scan_id
    LEFT JOIN #judged AS j ON j.scan_id = s.scan_id
    ORDER BY w.idx, s.scan_id;
    SET @Scans = COALESCE((SELECT STRING_AGG(CAST(scan_id AS NVARCHAR(MAX)), N',') FROM #scores), N'');
    EXECUTE dbo.RefreshWorklist @Scans;
    COMMIT TRANSACTION;

    SELECT @Scored = COUNT(*), @Outside = SUM(CASE j.scope WHEN 'outside' THEN 1 ELSE 0 END),
        @Message = MIN(CASE j.scope WHEN 'outside' THEN j.scope_reason ELSE N'' END)
    FROM #scores AS s
    INNER JOIN #judged AS j ON j.scan_id = s.scan_id;
    IF @Outside = 1 AND @Scored = 1
        RAISERROR(N'%s', 0, 1, @Message) WITH NOWAIT;
    ELSE IF @Outside > 0
        RAISERROR(N'%d of %d scans stand outside what the model was trained on; dbo.predictions.scope_reason says in what.', 0, 1,
            @Outside, @Scored) WITH NOWAIT;
END;
