-- TakePage: fills #page with a page of dbo.worklist in rising order, from its first row, or from that of the rows that a search found.
-- Called by ListPatients, whose tables #found and #reviewed it reads, and whose table #page it fills.
CREATE OR ALTER PROCEDURE internal.TakePage
    @Sort NVARCHAR(20), -- index, name, date, slices, probability, scored or work
    @State TINYINT,     -- a state of dbo.worklist, or NULL for any
    @All BIT,           -- 1 for all rows, 0 for those in #found
    @Unread BIT,        -- 1 leaves out the rows in #reviewed
    @First INT,         -- rows to pass over
    @Rows INT           -- rows to take, 1 and up
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    -- A statement for each order, because only then an index gives it and the rows need not be sorted.
    IF @Sort = N'index'
        INSERT INTO #page (idx)
        SELECT w.idx FROM dbo.worklist AS w
        WHERE (@State IS NULL OR w.state = @State) AND (@All = 1 OR w.idx IN (SELECT idx FROM #found))
            AND (@Unread = 0 OR w.idx NOT IN (SELECT idx FROM #reviewed))
        ORDER BY w.idx OFFSET @First ROWS FETCH NEXT @Rows ROWS ONLY
        OPTION (RECOMPILE);
    ELSE IF @Sort = N'name'
        INSERT INTO #page (idx)
        SELECT w.idx FROM dbo.worklist AS w
        WHERE (@State IS NULL OR w.state = @State) AND (@All = 1 OR w.idx IN (SELECT idx FROM #found))
            AND (@Unread = 0 OR w.idx NOT IN (SELECT idx FROM #reviewed))
        ORDER BY w.display_name, w.idx OFFSET @First ROWS FETCH NEXT @Rows ROWS ONLY
        OPTION (RECOMPILE);
    ELSE IF @Sort = N'date'
        INSERT INTO #page (idx)
        SELECT w.idx FROM dbo.worklist AS w
        WHERE (@State IS NULL OR w.state = @State) AND (@All = 1 OR w.idx IN (SELECT idx FROM #found))
            AND (@Unread = 0 OR w.idx NOT IN (SELECT idx FROM #reviewed))
        ORDER BY w.study_date, w.idx OFFSET @First ROWS FETCH NEXT @Rows ROWS ONLY
        OPTION (RECOMPILE);
    ELSE IF @Sort = N'slices'
        INSERT INTO #page (idx)
        SELECT w.idx FROM dbo.worklist AS w
        WHERE (@State IS NULL OR w.state = @State) AND (@All = 1 OR w.idx IN (SELECT idx FROM #found))
            AND (@Unread = 0 OR w.idx NOT IN (SELECT idx FROM #reviewed))
        ORDER BY w.slices, w.idx OFFSET @First ROWS FETCH NEXT @Rows ROWS ONLY
        OPTION (RECOMPILE);
    ELSE IF @Sort = N'probability'
        INSERT INTO #page (idx)
        SELECT w.idx FROM dbo.worklist AS w
        WHERE (@State IS NULL OR w.state = @State) AND (@All = 1 OR w.idx IN (SELECT idx FROM #found))
            AND (@Unread = 0 OR w.idx NOT IN (SELECT idx FROM #reviewed))
        ORDER BY w.probability, w.idx OFFSET @First ROWS FETCH NEXT @Rows ROWS ONLY
        OPTION (RECOMPILE);
    ELSE IF @Sort = N'work'
        INSERT INTO #page (idx)
        SELECT w.idx FROM dbo.worklist AS w
        WHERE (@State IS NULL OR w.state = @State) AND (@All = 1 OR w.idx IN (SELECT idx FROM #found))
            AND (@Unread = 0 OR w.idx NOT IN (SELECT idx FROM #reviewed))
        ORDER BY w.work, w.idx OFFSET @First ROWS FETCH NEXT @Rows ROWS ONLY
        OPTION (RECOMPILE);
    ELSE
        INSERT INTO #page (idx)
        SELECT w.idx FROM dbo.worklist AS w
        WHERE (@State IS NULL OR w.state = @State) AND (@All = 1 OR w.idx IN (SELECT idx FROM #found))
            AND (@Unread = 0 OR w.idx NOT IN (SELECT idx FROM #reviewed))
        ORDER BY w.prediction_id, w.idx OFFSET @First ROWS FETCH NEXT @Rows ROWS ONLY
        OPTION (RECOMPILE);
END;
