-- WatchWork: what the installation is at work on and what failed: runs, scans that cannot be read, queues, searches, and scores given.
-- Example: EXECUTE dbo.WatchWork @Days = 7;
CREATE OR ALTER PROCEDURE dbo.WatchWork
    @Days INT = 30, -- runs and failures of so many days until now, 1 to 3660
    @Help BIT = 0   -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.WatchWork returns five results of counts; no patient is named.
1. Runs of these days by procedure and state: how many, what they did and what of it failed, their seconds, and when the newest began.
2. Scans whose features could not be made and are still missing, by the day (UTC) of the last try; older ones in a row without a day.
3. Work in the queue: how many of its scans, pictures or scores wait, are taken, are done and failed.
4. Searches that are not finished, and the newest five: their trials by state, and the best figure so far.
5. Scores given by each version since its beginning.
Parameters:
    @Days INT = 30  runs and failures of so many days until now, 1 to 3660
    @Help BIT = 0   1 prints this help and does nothing else
Example:
    EXECUTE dbo.WatchWork @Days = 7;';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000), @Since DATE;
    IF @Days IS NULL OR @Days NOT BETWEEN 1 AND 3660
    BEGIN
        SET @Message = CONCAT(N'The value ', COALESCE(CAST(@Days AS NVARCHAR(12)), N'NULL'),
            N' for the parameter @Days is not supported. Supported values are 1 to 3660.');
        THROW 50101, @Message, 1;
    END;
    SET @Since = DATEADD(DAY, 1 - @Days, CAST(SYSUTCDATETIME() AS DATE));

    SELECT r.procedure_name, r.state, COUNT(*) AS runs, SUM(CAST(r.done AS BIGINT)) AS done, SUM(CAST(r.failed AS BIGINT)) AS failed,
        SUM(r.seconds) AS seconds, MAX(r.started_at) AS newest_at
    FROM (
        SELECT l.procedure_name, l.done, l.failed, l.seconds, l.started_at,
            -- As dbo.run_log tells them apart.
            CASE
                WHEN l.status <> 'running' THEN l.status
                WHEN APPLOCK_TEST('public', CONCAT(N'lungdb run ', l.run_id), 'Exclusive', 'Session') = 0 THEN 'running'
                ELSE 'ended without a word' END AS state
        FROM dbo.runs AS l
        WHERE l.started_at >= @Since
    ) AS r
    GROUP BY r.procedure_name, r.state
    ORDER BY r.procedure_name, r.state;

    SELECT f.day, COUNT(*) AS scans
    FROM (
        SELECT IIF(failed_at >= @Since, CAST(failed_at AS DATE), NULL) AS day FROM dbo.scan_failures
    ) AS f
    GROUP BY f.day
    ORDER BY f.day;

    SELECT w.work_id, w.procedure_name, CAST(w.is_queued AS INT) AS is_queued, w.created_at,
        COALESCE(SUM(IIF(i.state = 'open', 1, 0)), 0) AS waiting, COALESCE(SUM(IIF(i.state = 'leased', 1, 0)), 0) AS taken,
        COALESCE(SUM(IIF(i.state = 'done', 1, 0)), 0) AS done, COALESCE(SUM(IIF(i.state = 'failed', 1, 0)), 0) AS failed
    FROM dbo.work AS w
    LEFT JOIN dbo.work_items AS i ON i.work_id = w.work_id
    GROUP BY w.work_id, w.procedure_name, w.is_queued, w.created_at
    ORDER BY w.work_id;

    SELECT s.search_id, s.name, s.state, s.metric, s.planned, SUM(IIF(t.state = 'queued', 1, 0)) AS queued,
        SUM(IIF(t.state = 'running', 1, 0)) AS running, SUM(IIF(t.state = 'done', 1, 0)) AS done,
        SUM(IIF(t.state = 'failed', 1, 0)) AS failed, IIF(s.metric = 'auc', MAX(t.auc), MIN(t.log_loss)) AS best,
        s.classifier_id, s.created_at, s.created_by
    FROM dbo.searches AS s
    LEFT JOIN dbo.search_trials AS t ON t.search_id = s.search_id
    WHERE s.state IN ('running', 'training') OR s.search_id IN (SELECT TOP (5) n.search_id FROM dbo.searches AS n ORDER BY n.search_id DESC)
    GROUP BY s.search_id, s.name, s.state, s.metric, s.planned, s.classifier_id, s.created_at, s.created_by
    ORDER BY s.search_id DESC;

    SELECT c.name, c.version, COALESCE(p.scores, 0) AS scores
    FROM dbo.classifiers AS c
    LEFT JOIN (
        SELECT classifier_id, COUNT(*) AS scores FROM dbo.predictions GROUP BY classifier_id
    ) AS p ON p.classifier_id = c.classifier_id
    ORDER BY c.name, c.version;
END;
