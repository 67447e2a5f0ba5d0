-- FindWork: gives the row of dbo.work that has these arguments, which it makes if there is none. Where all that is in it is settled it
-- empties it, because what was made may have been deleted since; sessions put back what they still wait for. What was set aside is to be
-- tried again.
-- Called by JoinWork, QueueFeatures and QueueImages inside their transactions, which have locked dbo.work.
CREATE OR ALTER PROCEDURE internal.FindWork
    @ProcedureName NVARCHAR(128),  -- whose work
    @Arguments NVARCHAR(MAX),      -- JSON: what makes it the same work
    @WorkId INT OUTPUT             -- row of dbo.work
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Digest VARBINARY(32) = HASHBYTES('SHA2_256', CONVERT(VARBINARY(MAX), CONCAT(@ProcedureName, N' ', @Arguments)));
    SET @WorkId = (SELECT work_id FROM dbo.work WHERE digest = @Digest);
    IF @WorkId IS NULL
    BEGIN
        INSERT INTO dbo.work (procedure_name, arguments, digest) VALUES (@ProcedureName, @Arguments, @Digest);
        SET @WorkId = SCOPE_IDENTITY();
    END;
    IF NOT EXISTS (SELECT 1 FROM dbo.work_items WHERE work_id = @WorkId AND state IN ('open', 'leased'))
        DELETE FROM dbo.work_items WHERE work_id = @WorkId;
    UPDATE dbo.work_items
    SET state = 'open', attempts = 0, error_number = NULL, error = NULL
    WHERE work_id = @WorkId AND state = 'failed' AND error_number NOT IN (50120, 50462)
        AND EXISTS (SELECT 1 FROM dbo.work WHERE work_id = @WorkId AND is_queued = 1);
END;
