-- LeaveWork: frees what this session holds, and deletes what is done unless others still take part. What was set aside stays.
-- Called by EndRun and StartJob.
CREATE OR ALTER PROCEDURE internal.LeaveWork
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Locked INT, @Worker NVARCHAR(128) = CAST(SESSION_CONTEXT(N'lungdb_worker') AS NVARCHAR(128));
    IF @Worker IS NULL OR APPLOCK_MODE('public', @Worker, 'Session') = 'NoLock'
        RETURN 0;
    BEGIN TRANSACTION;
    SET @Locked = (SELECT COUNT(*) FROM dbo.work WITH (UPDLOCK, HOLDLOCK));
    -- What is given back did no harm: it does not count as tried.
    UPDATE dbo.work_items SET state = 'open', attempts = attempts - 1 WHERE worker = @Worker AND state = 'leased';
    DELETE FROM dbo.work_sessions WHERE worker = @Worker OR APPLOCK_TEST('public', worker, 'Exclusive', 'Session') = 1;
    -- Who works from the queue alone goes on with what is open; without such a session it would lie there.
    DELETE FROM dbo.work
    WHERE work_id NOT IN (SELECT work_id FROM dbo.work_sessions)
        AND (is_queued = 0 OR work_id NOT IN (
            SELECT work_id FROM dbo.work_items
            WHERE state IN ('open', 'leased') OR (state = 'failed' AND error_number NOT IN (50120, 50462))));
    COMMIT TRANSACTION;
    EXECUTE sp_releaseapplock @Resource = @Worker, @LockOwner = 'Session';
END;
