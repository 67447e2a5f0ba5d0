-- JoinWork: lets this session take part in a work, which is made if nobody works on it. What sessions that have ended left of it is
-- dropped when no other takes part, so that the caller, who then looks for what is to be done, begins anew; what QueueFeatures has put
-- there and is not done stays.
-- Called by StartFeatures, StartImages and StartExplanations, each before it looks for what is to be done.
CREATE OR ALTER PROCEDURE internal.JoinWork
    @ProcedureName NVARCHAR(128),  -- whose work
    @Arguments NVARCHAR(MAX),      -- JSON: what makes it the same work
    @WorkId INT OUTPUT,            -- row of dbo.work
    @Worker NVARCHAR(128) OUTPUT   -- name of this session
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Locked INT;
    EXECUTE internal.NameWorker @Worker OUTPUT;
    BEGIN TRANSACTION;
    -- One joins or leaves at a time, so that nobody drops what another has just joined.
    SET @Locked = (SELECT COUNT(*) FROM dbo.work WITH (UPDLOCK, HOLDLOCK));
    -- An earlier call of this session may have ended in an error and left some.
    UPDATE dbo.work_items SET state = 'open', attempts = attempts - 1 WHERE worker = @Worker AND state = 'leased';
    DELETE FROM dbo.work_sessions WHERE worker = @Worker OR APPLOCK_TEST('public', worker, 'Exclusive', 'Session') = 1;
    EXECUTE internal.FindWork @ProcedureName, @Arguments, @WorkId OUTPUT;
    DELETE FROM dbo.work
    WHERE is_queued = 0 AND work_id <> @WorkId AND work_id NOT IN (SELECT work_id FROM dbo.work_sessions);
    IF NOT EXISTS (SELECT 1 FROM dbo.work_sessions WHERE work_id = @WorkId)
        DELETE FROM dbo.work_items
        WHERE work_id = @WorkId AND (state IN ('done', 'failed') OR NOT EXISTS (
            SELECT 1 FROM dbo.work WHERE work_id = @WorkId AND is_queued = 1));
    INSERT INTO dbo.work_sessions (work_id, worker) VALUES (@WorkId, @Worker);
    COMMIT TRANSACTION;
END;
