-- FillWork: puts what is to be done into the queue, but for what is there already.
-- Called by QueueScans, EnqueueImages, StartExplanations and ClaimItems; reads the table #queue of whoever works.
CREATE OR ALTER PROCEDURE internal.FillWork
    @WorkId INT,       -- row of dbo.work
    @RunId INT = NULL  -- row of dbo.runs that ends with a refusal
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000);
    INSERT INTO dbo.work_items (work_id, item, bytes)
    SELECT w.work_id, q.item, q.bytes
    FROM #queue AS q
    INNER JOIN dbo.work AS w ON w.work_id = @WorkId
    WHERE q.state = 'waits' AND NOT EXISTS (
        SELECT 1 FROM dbo.work_items AS i WITH (UPDLOCK, HOLDLOCK) WHERE i.work_id = @WorkId AND i.item = q.item);
    IF NOT EXISTS (SELECT 1 FROM dbo.work WHERE work_id = @WorkId)
    BEGIN
        SET @Message = N'The row of dbo.work that this call works on was deleted. What is stored stays. Call it again.';
        EXECUTE internal.EndRun @RunId, 0, @Message;
        THROW 50461, @Message, 1;
    END;
END;
