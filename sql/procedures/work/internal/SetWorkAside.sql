-- SetWorkAside: lets what is open of a work that nobody can do fail with the reason, so that workers go on with the next one. It stays
-- in the queue for whoever has queued it; queued again, it is tried again.
-- Called by StartJob and ReleaseWork.
CREATE OR ALTER PROCEDURE internal.SetWorkAside
    @WorkId INT,                    -- row of dbo.work
    @Worker NVARCHAR(128),          -- name of this session, whose own items fail too
    @Number INT,                    -- number of the error
    @Reason NVARCHAR(2000),         -- why
    @Said NVARCHAR(2000) OUTPUT     -- what to say; NULL where nothing was open
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Set INT;
    SET @Said = NULL;
    -- What others hold is for them to settle.
    UPDATE dbo.work_items
    SET state = 'failed', error_number = @Number, error = @Reason
    WHERE work_id = @WorkId AND (state = 'open' OR (state = 'leased' AND (
        worker = @Worker OR leased_until < SYSUTCDATETIME() OR APPLOCK_TEST('public', worker, 'Exclusive', 'Session') = 1)));
    SET @Set = @@ROWCOUNT;
    IF @Set > 0
        SET @Said = LEFT(CONCAT(N'Work ', @WorkId, N' is set aside with the ', @Set, N' items that were open: ', @Reason), 2000);
END;
