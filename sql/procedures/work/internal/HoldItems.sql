-- HoldItems: marks in #queue as 'lost' what this session holds no more, because its lease ended and the item was freed or taken by
-- another. What it still holds it holds until the caller's transaction ends.
-- Called by StoreFeatures, StoreImageFeatures and StoreExplanations inside their transactions; changes the table #queue of whoever works.
CREATE OR ALTER PROCEDURE internal.HoldItems
    @WorkId INT,           -- row of dbo.work
    @Worker NVARCHAR(128)  -- name of this session
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    UPDATE q
    SET q.state = 'lost'
    FROM #queue AS q
    LEFT JOIN dbo.work_items AS i WITH (UPDLOCK, HOLDLOCK) ON i.work_id = @WorkId AND i.item = q.item AND i.state = 'leased'
        AND i.worker = @Worker AND i.attempts = q.attempts
    WHERE q.state IN ('held', 'open') AND i.item IS NULL;
END;
