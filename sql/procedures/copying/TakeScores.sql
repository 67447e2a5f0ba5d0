-- TakeScores: takes in scores that `lungdb export` wrote of another database, which `lungdb import` has put into #taken_scores.
-- Example: EXECUTE dbo.TakeScores @Rows = 1234;
CREATE OR ALTER PROCEDURE dbo.TakeScores
    @Rows INT = NULL, -- number of rows in #taken_scores; needed
    @Help BIT = 0     -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.TakeScores is the last step of lungdb import for scores: it takes in the rows of #taken_scores, all of them or none.
A score belongs to the model with the same SHA-256 here, of several to that of the same name and version; without one it is refused. Scans
are found by their series; scores of others are passed over. A score that is there stays: one of the same scan, model and time that says
something else is refused. One row returns: how many were added, were there already, and are of scans that are not here.
Parameters:
    @Rows INT = NULL  number of rows in #taken_scores; needed
    @Help BIT = 0     1 prints this help and does nothing else
Example:
    EXECUTE dbo.TakeScores @Rows = 1234;';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000), @Arrived INT, @Locked INT, @Added INT, @There INT, @Scans NVARCHAR(MAX);
    CREATE TABLE #found (
        place INT NOT NULL PRIMARY KEY, scan_id INT NOT NULL, classifier_id INT NULL, is_there BIT NOT NULL);
    SET @Arrived = (SELECT COUNT(*) FROM #taken_scores);
    IF @Rows IS NULL OR @Arrived <> @Rows
    BEGIN
        SET @Message = CONCAT(@Arrived, N' rows of ', COALESCE(CAST(@Rows AS NVARCHAR(12)), N'an unknown number'),
            N' arrived. Run lungdb import again.');
        THROW 50155, @Message, 1;
    END;

    BEGIN TRANSACTION;
    -- Before anything is written, as StorePredictions does, so that two who score the same scan wait for each other here.
    SET @Locked = (
        SELECT COUNT(*) FROM dbo.worklist WITH (UPDLOCK, HOLDLOCK)
        WHERE scan_id IN (SELECT s.scan_id FROM dbo.scans AS s INNER JOIN #taken_scores AS t ON t.series_uid = s.series_uid));
    INSERT INTO #found (place, scan_id, classifier_id, is_there)
    SELECT t.place, s.scan_id, (
            SELECT TOP (1) c.classifier_id FROM dbo.classifiers AS c
            WHERE c.sha256 = t.model_sha256
            ORDER BY CASE WHEN c.name = t.model_name AND c.version = t.model_version THEN 0 ELSE 1 END, c.classifier_id), 0
    FROM #taken_scores AS t
    INNER JOIN dbo.scans AS s WITH (UPDLOCK, HOLDLOCK) ON s.series_uid = t.series_uid;
    SELECT TOP (1) @Message = REPLACE(CONCAT(N'The model ''', t.model_name, N''' version ', t.model_version,
        N' is not here with the same SHA-256, so its scores are not taken. Bring it first with lungdb copy.'), N'%', N'%%')
    FROM #found AS f
    INNER JOIN #taken_scores AS t ON t.place = f.place
    WHERE f.classifier_id IS NULL
    ORDER BY t.place;
    IF @Message IS NOT NULL
        THROW 50108, @Message, 1;

    UPDATE f
    SET f.is_there = 1
    FROM #found AS f
    INNER JOIN #taken_scores AS t ON t.place = f.place
    WHERE EXISTS (
        SELECT 1 FROM dbo.predictions AS r
        WHERE r.scan_id = f.scan_id AND r.classifier_id = f.classifier_id AND r.predicted_at = t.predicted_at
            AND COALESCE(r.probability, -1) = COALESCE(t.probability, -1) AND COALESCE(r.prevalence, -1) = COALESCE(t.prevalence, -1)
            AND (r.predicted = t.predicted OR (r.predicted IS NULL AND t.predicted IS NULL)));
    SET @Locked = (
        SELECT COUNT(*)
        FROM #found AS f
        INNER JOIN #taken_scores AS t ON t.place = f.place
        WHERE f.is_there = 0 AND EXISTS (
            SELECT 1 FROM dbo.predictions AS r
            WHERE r.scan_id = f.scan_id AND r.classifier_id = f.classifier_id AND r.predicted_at = t.predicted_at));
    IF @Locked > 0
    BEGIN
        SET @Message = CONCAT(@Locked, N' scores of the same scans, model and time are here with other values. Nothing is taken. ',
            N'See dbo.predictions.');
        THROW 50155, @Message, 1;
    END;
    INSERT INTO dbo.predictions (scan_id, classifier_id, probability, predicted_at, predicted_by, raw_probability, prevalence,
        vector_sha256, predicted, scope, scope_reason)
    SELECT f.scan_id, f.classifier_id, t.probability, t.predicted_at, t.predicted_by, t.raw_probability, t.prevalence,
        t.vector_sha256, t.predicted, t.scope, t.scope_reason
    FROM #found AS f
    INNER JOIN #taken_scores AS t ON t.place = f.place
    WHERE f.is_there = 0
    ORDER BY t.predicted_at, t.place;
    SET @Scans = COALESCE((
        SELECT STRING_AGG(CAST(d.scan_id AS NVARCHAR(MAX)), N',') FROM (SELECT DISTINCT scan_id FROM #found WHERE is_there = 0) AS d), N'');
    EXECUTE dbo.RefreshWorklist @Scans;
    COMMIT TRANSACTION;

    SELECT @Added = COUNT(CASE is_there WHEN 0 THEN 1 END), @There = COUNT(CASE is_there WHEN 1 THEN 1 END)
    FROM #found;
    SELECT @Added AS added, @There AS there, @Rows - @Added - @There AS unknown;
END;
