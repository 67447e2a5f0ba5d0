-- EnqueueImages: puts the pictures of #todo into the queue.
-- Called by StartImages, QueueImages and StartImageJob; reads #todo and fills #queue of whoever works.
CREATE OR ALTER PROCEDURE internal.EnqueueImages
    @WorkId INT -- row of dbo.work
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    INSERT INTO #queue (item, position, grp, bytes, state, attempts)
    SELECT name, ROW_NUMBER() OVER (ORDER BY name), 0, bytes, 'waits', 0
    FROM #todo;
    EXECUTE internal.FillWork @WorkId;
END;
