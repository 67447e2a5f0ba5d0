-- The runs, with what their steps add up to. state is running, done, failed, or ended without a word: of a run that did not end and
-- whose session no longer has its lock, because it was killed, was cancelled, or its script failed.
CREATE OR ALTER VIEW dbo.run_log AS
SELECT r.run_id, r.procedure_name,
    CASE
        WHEN r.status <> 'running' THEN r.status
        WHEN APPLOCK_TEST('public', CONCAT(N'lungdb run ', r.run_id), 'Exclusive', 'Session') = 0 THEN 'running'
        -- The lock is free, or this session's own: then a run that is deeper than where this is read has ended.
        WHEN APPLOCK_MODE('public', CONCAT(N'lungdb run ', r.run_id), 'Session') = 'Exclusive' AND r.nesting <= @@NESTLEVEL
            THEN 'running'
        ELSE 'ended without a word'
    END AS state,
    r.started_at, r.ended_at, COALESCE(t.heard_at, r.started_at) AS heard_at, r.seconds, r.run_by, r.login, r.host, r.session_id,
    r.arguments, r.done, r.total, r.failed, r.scans, r.slices, r.slices / NULLIF(r.seconds, 0) AS slices_per_second, r.provider,
    t.cpu_seconds, t.peak_megabytes, t.steps, r.result, r.message AS error
FROM dbo.runs AS r
LEFT JOIN (
    SELECT s.run_id, MAX(s.at) AS heard_at, SUM(s.cpu_seconds) AS cpu_seconds, MAX(s.peak_megabytes) AS peak_megabytes,
        COUNT(*) AS steps
    FROM dbo.run_steps AS s
    GROUP BY s.run_id
) AS t ON t.run_id = r.run_id;
