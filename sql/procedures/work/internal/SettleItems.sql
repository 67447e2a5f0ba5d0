-- SettleItems: writes into the queue what came of the items that this session holds: done, failed, or open again.
-- Called by StoreFeatures, StoreImageFeatures and StoreExplanations at the end of their transactions; reads
-- the table #queue of whoever works.
CREATE OR ALTER PROCEDURE internal.SettleItems
    @WorkId INT -- row of dbo.work
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    UPDATE i
    SET i.state = CASE q.state WHEN 'held' THEN 'done' ELSE q.state END, i.error_number = q.error_number, i.error = q.error,
        i.seconds = DATEDIFF_BIG(MILLISECOND, i.leased_at, SYSUTCDATETIME()) / 1000.0
    FROM dbo.work_items AS i
    INNER JOIN #queue AS q ON q.item = i.item
    WHERE i.work_id = @WorkId AND q.state IN ('held', 'open', 'failed');
END;
