-- FreeItems: frees what sessions hold that have ended, or whose lease has; what three of them were ended with has failed.
-- Called by ClaimItems.
CREATE OR ALTER PROCEDURE internal.FreeItems
    @WorkId INT,           -- row of dbo.work
    @Worker NVARCHAR(128)  -- name of this session, whose own stay
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    UPDATE dbo.work_items
    SET state = CASE WHEN attempts >= 3 THEN 'failed' ELSE 'open' END,
        error_number = CASE WHEN attempts >= 3 THEN 50462 END,
        error = CASE WHEN attempts >= 3 THEN N'Three sessions ended or ran out of time while they worked on it. Call it with a smaller '
            + N'@ChunkMegabytes or @BatchSize, or give the scripts more memory.' END
    WHERE work_id = @WorkId AND state = 'leased' AND worker <> @Worker
        AND (leased_until < SYSUTCDATETIME() OR APPLOCK_TEST('public', worker, 'Exclusive', 'Session') = 1);
END;
