-- StorePredictions: stores the scores in #scores as rows of dbo.predictions and shows them in the worklist.
-- Scores of scans that were removed meanwhile are taken out of #scores, and a model that was deleted is refused.
-- Called by PredictLungCancer, StoreScored and the procedures in plain T-SQL, whose tables #wanted and #scores it reads.
CREATE OR ALTER PROCEDURE internal.StorePredictions
    @ClassifierId INT,  -- model that gave the scores
    @Prevalence FLOAT   -- share of positives that they are corrected to, or NULL
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Locked INT, @Scans NVARCHAR(MAX), @Outside INT, @Scored INT;
    CREATE TABLE #judged (
        scan_id INT NOT NULL PRIMARY KEY, scope VARCHAR(7) NULL, scope_reason NVARCHAR(400) COLLATE DATABASE_DEFAULT NULL);
    INSERT INTO #judged (scan_id)
    SELECT scan_id FROM #scores;
    EXECUTE internal.JudgeScope @ClassifierId;
    BEGIN TRANSACTION;
    -- Before anything is written, so that two who score the same scan wait for each other here, and not crosswise.
    SET @Locked = (SELECT COUNT(*) FROM dbo.worklist WITH (UPDLOCK, HOLDLOCK) WHERE scan_id IN (SELECT scan_id FROM #scores));
    IF NOT EXISTS (SELECT 1 FROM dbo.classifiers WITH (UPDLOCK, HOLDLOCK) WHERE classifier_id = @ClassifierId)
    BEGIN
        SET @Message = N'The model was deleted while it was scoring. Nothing is stored. Take another one; see dbo.classifiers.';
        THROW 50232, @Message, 1;
    END;
    DELETE FROM #scores WHERE scan_id NOT IN (
        SELECT s.scan_id FROM dbo.scans AS s WITH (UPDLOCK, HOLDLOCK) INNER JOIN #wanted AS w ON w.scan_id = s.scan_id);
    INSERT INTO dbo.predictions (
        scan_id, classifier_id, probability, raw_probability, predicted, prevalence, vector_sha256, scope, scope_reason)
    SELECT s.scan_id, @ClassifierId, s.probability, IIF(c.task = 'regression', NULL, s.raw), IIF(c.task = 'regression', s.raw, NULL),
        @Prevalence, w.vector_sha256, j.scope, j.scope_reason
    FROM #scores AS s
    INNER JOIN dbo.classifiers AS c ON c.classifier_id = @ClassifierId
    INNER JOIN #wanted AS w ON w.scan_id = s.scan_id
    LEFT JOIN #judged AS j ON j.scan_id = s.scan_id
    ORDER BY w.idx, s.scan_id;
    SET @Scans = COALESCE((SELECT STRING_AGG(CAST(scan_id AS NVARCHAR(MAX)), N',') FROM #scores), N'');
    EXECUTE dbo.RefreshWorklist @Scans;
    COMMIT TRANSACTION;

    SELECT @Outside = COUNT(*), @Message = MIN(j.scope_reason)
    FROM #judged AS j
    INNER JOIN #scores AS s ON s.scan_id = j.scan_id
    WHERE j.scope = 'outside';
    SET @Scored = (SELECT COUNT(*) FROM #scores);
    IF @Outside = 1 AND @Scored = 1
        RAISERROR(N'%s', 0, 1, @Message) WITH NOWAIT;
    ELSE IF @Outside > 0
        RAISERROR(N'%d of %d scans stand outside what the model was trained on; dbo.predictions.scope_reason says in what.', 0, 1,
            @Outside, @Scored) WITH NOWAIT;
END;
