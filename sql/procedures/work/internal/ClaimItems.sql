-- ClaimItems: leases the items of #queue that are worked on next, in its order, whose state is then 'held', and marks those that others
-- have settled meanwhile as 'settled'. Where others hold all that is left it frees what ended sessions held, and waits half a second.
-- Called by TakeScans, TakeImages and TakeScoresToExplain, whose table #queue it reads and changes.
CREATE OR ALTER PROCEDURE internal.ClaimItems
    @WorkId INT,            -- row of dbo.work
    @Worker NVARCHAR(128),  -- name of this session
    @Bytes BIGINT,          -- bytes at most, unless a single item has more
    @Most INT,              -- items at most
    @RunId INT              -- row of dbo.runs that ends with a refusal
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;
    -- A caller's level may be one at which READPAST is refused; it is the caller's again when this ends.
    SET TRANSACTION ISOLATION LEVEL READ COMMITTED;

    DECLARE @Now DATETIME2(3) = SYSUTCDATETIME(), @Lease INT, @Count INT = 0, @Open INT = -1, @Sessions INT;
    CREATE TABLE #window (item NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL PRIMARY KEY);
    CREATE TABLE #won (item NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL PRIMARY KEY, attempts INT NOT NULL);
    DELETE FROM #queue WHERE state IN ('held', 'failed', 'settled');
    UPDATE #queue SET state = 'waits' WHERE state IN ('open', 'lost');
    UPDATE q
    SET q.state = 'settled', q.error_number = i.error_number, q.error = i.error
    FROM #queue AS q
    INNER JOIN dbo.work_items AS i ON i.work_id = @WorkId AND i.item = q.item
    WHERE i.state IN ('done', 'failed');
    -- What a chunk took says how long a lease must be: a session that waits for its script cannot renew it. The first may be slow.
    SET @Lease = (SELECT CASE WHEN MAX(seconds) > 8000 THEN 86400 WHEN MAX(seconds) > 690 THEN 300 + 10 * CAST(MAX(seconds) AS INT)
        ELSE 7200 END FROM dbo.work_items WHERE work_id = @WorkId);
    SET @Sessions = (SELECT COUNT(*) FROM dbo.work_sessions WHERE work_id = @WorkId);

    WHILE @Count = 0 AND @Open <> 0
    BEGIN
        -- All that was open was being claimed by others.
        IF @Open > 0
            WAITFOR DELAY '00:00:00.050';
        SET @Open = (
            SELECT COUNT(*)
            FROM #queue AS q
            INNER JOIN dbo.work_items AS i ON i.work_id = @WorkId AND i.item = q.item
            WHERE q.state = 'waits' AND i.state = 'open');
        -- Of several sessions each takes a part of what is left, so that they end together.
        IF @Sessions > 1 AND @Most > 1 + @Open / (2 * @Sessions)
            SET @Most = 1 + @Open / (2 * @Sessions);
        DELETE FROM #window;
        -- What a session was ended with goes alone, so that the others of its chunk do not fail with the one that ends sessions.
        INSERT INTO #window (item)
        SELECT o.item
        FROM (
            SELECT q.item, q.grp, MIN(q.grp) OVER () AS first_grp,
                SUM(q.bytes) OVER (PARTITION BY q.grp ORDER BY q.position ROWS UNBOUNDED PRECEDING) AS bytes_so_far,
                SUM(CASE WHEN i.attempts > 0 THEN 1 ELSE 0 END) OVER (PARTITION BY q.grp ORDER BY q.position ROWS UNBOUNDED PRECEDING)
                    AS tried_so_far,
                ROW_NUMBER() OVER (PARTITION BY q.grp ORDER BY q.position) AS place
            FROM #queue AS q
            INNER JOIN dbo.work_items AS i ON i.work_id = @WorkId AND i.item = q.item
            WHERE q.state = 'waits' AND i.state = 'open') AS o
        WHERE o.grp = o.first_grp AND (o.place = 1
            OR (o.place <= @Most AND o.bytes_so_far <= @Bytes AND o.tried_so_far = 0));
        SET @Count = (SELECT COUNT(*) FROM #window);
        -- One statement that commits by itself, over the primary key. Rows that another session is claiming are passed over, not waited
        -- for. READPAST alone is refused where the database has READ_COMMITTED_SNAPSHOT ON (as Azure SQL Database does): there
        -- READCOMMITTEDLOCK has to stand beside it, and ROWLOCK may not, which is of the same group of hints. See
        -- https://learn.microsoft.com/sql/t-sql/queries/hints-transact-sql-table
        UPDATE TOP (@Count) dbo.work_items WITH (UPDLOCK, READPAST, READCOMMITTEDLOCK)
        SET state = 'leased', worker = @Worker, attempts = attempts + 1, leased_at = @Now,
            leased_until = DATEADD(SECOND, @Lease, @Now)
        OUTPUT inserted.item, inserted.attempts
        INTO #won (item, attempts)
        WHERE work_id = @WorkId AND state = 'open' AND item IN (SELECT item FROM #window);
        SET @Count = (SELECT COUNT(*) FROM #won);
    END;
    UPDATE q
    SET q.state = 'held', q.attempts = w.attempts
    FROM #queue AS q
    INNER JOIN #won AS w ON w.item = q.item;
    IF @Count > 0 OR NOT EXISTS (SELECT 1 FROM #queue WHERE state = 'waits')
        RETURN 0;

    EXECUTE internal.FreeItems @WorkId, @Worker;
    -- Whoever deletes rows of the queue by hand does not stop the work.
    IF EXISTS (SELECT 1 FROM #queue WHERE state = 'waits' AND item NOT IN (SELECT item FROM dbo.work_items WHERE work_id = @WorkId))
        EXECUTE internal.FillWork @WorkId, @RunId;
    IF NOT EXISTS (SELECT 1 FROM dbo.work_items WHERE work_id = @WorkId AND state = 'open')
        WAITFOR DELAY '00:00:00.500';
END;
