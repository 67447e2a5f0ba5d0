-- StartImageJob: fills the tables of a worker with the pictures of the work that it takes part in.
-- Called by StartJob; fills #todo and #queue of the worker.
CREATE OR ALTER PROCEDURE internal.StartImageJob
    @WorkId INT -- row of dbo.work
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    INSERT INTO #todo (name, bytes)
    SELECT i.item, i.bytes
    FROM dbo.work_items AS i
    WHERE i.work_id = @WorkId AND i.state IN ('open', 'leased');
    EXECUTE internal.EnqueueImages @WorkId;
END;
