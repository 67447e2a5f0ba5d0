-- ExamineWork: leases that ended and that nobody took over, work that was set aside, scans that failed, runs that ended without a word.
-- Called by Doctor, whose table #findings it fills.
CREATE OR ALTER PROCEDURE internal.ExamineWork
AS
BEGIN
    SET NOCOUNT ON;

    DECLARE @Now DATETIME2(3) = SYSUTCDATETIME(), @Count INT, @Mend NVARCHAR(MAX), @First NVARCHAR(200),
        @Network NVARCHAR(128);
    CREATE TABLE #held (search_id INT NOT NULL, worker NVARCHAR(128) COLLATE DATABASE_DEFAULT NULL, trials INT NOT NULL);
    INSERT INTO #held (search_id, worker, trials)
    SELECT h.search_id, h.worker, SUM(h.trials)
    FROM (
        SELECT t.search_id, t.worker, 1 AS trials
        FROM dbo.search_trials AS t
        WHERE t.state = 'running' AND t.lease_until < DATEADD(MINUTE, -10, @Now)
        UNION ALL SELECT s.search_id, s.worker, 1
        FROM dbo.searches AS s
        WHERE s.state = 'training' AND s.lease_until < DATEADD(MINUTE, -10, @Now)
    ) AS h
    GROUP BY h.search_id, h.worker;
    SET @Count = (SELECT COALESCE(SUM(h.trials), 0) FROM #held AS h);
    SET @Mend = (
        SELECT STRING_AGG(CAST(CONCAT(N'EXECUTE dbo.ReleaseTrials @SearchId = ', h.search_id, N', @Worker = N''',
            REPLACE(h.worker, N'''', N''''''), N''';') AS NVARCHAR(MAX)), N' ')
        FROM #held AS h);
    INSERT INTO #findings (check_name, state, found, mend)
    VALUES (N'leases of searches', CASE WHEN @Count = 0 THEN 'ok' ELSE 'fault' END,
        CASE WHEN @Count = 0 THEN N'No trial is held by a worker whose lease has ended.'
            ELSE CONCAT(@Count, N' trials are held by workers whose lease ended more than ten minutes ago; a call of RunSearch takes them.')
            END,
        @Mend);

    -- As FreeItems finds what sessions hold that have ended, or whose lease has.
    SET @Count = (
        SELECT COUNT(*)
        FROM dbo.work_items AS i
        WHERE i.state = 'leased' AND (i.leased_until < @Now OR APPLOCK_TEST('public', i.worker, 'Exclusive', 'Session') = 1));
    INSERT INTO #findings (check_name, state, found, mend)
    VALUES (N'leases of work', CASE WHEN @Count = 0 THEN 'ok' ELSE 'fault' END,
        CASE WHEN @Count = 0 THEN N'No item of work is held by a session that has ended.'
            ELSE CONCAT(@Count, N' items of work are held by sessions that have ended; the next that works on them takes them.') END,
        CASE WHEN @Count > 0
            THEN N'UPDATE dbo.work_items SET state = ''open'' WHERE state = ''leased'' AND (leased_until < SYSUTCDATETIME() '
                + N'OR APPLOCK_TEST(''public'', worker, ''Exclusive'', ''Session'') = 1);' END);

    EXECUTE internal.ExamineWorkAside;

    SELECT @Count = COUNT(*), @First = MIN(f.scan_id) FROM dbo.scan_failures AS f;
    SET @Network = (SELECT TOP (1) n.name FROM dbo.networks AS n ORDER BY n.network_id DESC);
    INSERT INTO #findings (check_name, state, found, mend)
    VALUES (N'failed scans', CASE WHEN @Count = 0 THEN 'ok' ELSE 'warning' END,
        CASE WHEN @Count = 0 THEN N'No scan failed the last time.'
            ELSE CONCAT(@Count, N' scans could not be read the last time, the first scan_id ', @First, N'; dbo.scan_failures says why.')
            END,
        CASE WHEN @Count > 0
            THEN CONCAT(N'EXECUTE dbo.GenerateFeatures @ModelName = N''', REPLACE(@Network, N'''', N''''''),
                N'''; -- first, for scans that are damaged: lungdb load-scans --replace FOLDER') END);

    SET @Count = (SELECT COUNT(*) FROM dbo.run_log AS l WHERE l.state = N'ended without a word');
    INSERT INTO #findings (check_name, state, found, mend)
    VALUES (N'runs', CASE WHEN @Count = 0 THEN 'ok' ELSE 'warning' END,
        CASE WHEN @Count = 0 THEN N'No run ended without a word.'
            ELSE CONCAT(@Count, N' runs ended without a word: killed, cancelled, or a script crashed; see dbo.run_log.') END,
        CASE WHEN @Count > 0
            THEN N'UPDATE dbo.runs SET status = ''failed'', ended_at = SYSUTCDATETIME(), message = N''It ended without a word.'' '
                + N'WHERE run_id IN (SELECT l.run_id FROM dbo.run_log AS l WHERE l.state = N''ended without a word'');' END);
END;
