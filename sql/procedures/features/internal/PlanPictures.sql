-- PlanPictures: says how many bytes of prepared pictures may be kept, drops what is too much or does not pay, the least used first, and
-- notes in #todo which scans are read as they were kept and how large their pictures are.
-- Called by StartFeatures; reads and changes GenerateFeatures' table #todo.
CREATE OR ALTER PROCEDURE internal.PlanPictures
    @Preprocessing NVARCHAR(32),  -- one of dbo.preprocessings
    @Details NVARCHAR(MAX),       -- details of the network
    @Rows INT OUTPUT,             -- rows of its pictures
    @Cols INT OUTPUT,             -- columns of its pictures
    @Bound BIGINT OUTPUT          -- bytes to keep at most, of all ways of preparing together; 0 keeps nothing
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    -- What one call brings back; hexadecimal takes twice as much, and above 1 GB nothing leaves a script.
    DECLARE @Most BIGINT = 400000000, @IsRead INT, @IsKept INT, @Pixel INT = CASE @Preprocessing WHEN N'seed' THEN 1 ELSE 4 END;
    CREATE TABLE #dropped (scan_id INT NOT NULL, preprocessing NVARCHAR(32) COLLATE DATABASE_DEFAULT NOT NULL,
        picture_rows INT NOT NULL, picture_cols INT NOT NULL);
    IF JSON_VALUE(@Details, N'$.input.dimensions') = N'3'
    BEGIN
        -- Of volumes nothing is kept.
        SELECT @Rows = 0, @Cols = 0, @Bound = 0;
        RETURN 0;
    END;
    SET @Rows = COALESCE(TRY_CAST(JSON_VALUE(@Details, N'$.input.height') AS INT), 224);
    SET @Cols = COALESCE(TRY_CAST(JSON_VALUE(@Details, N'$.input.width') AS INT), 224);
    SET @Bound = COALESCE(1000000000 * TRY_CAST((SELECT value FROM dbo.settings WHERE name = N'prepared_gigabytes') AS FLOAT), 0);

    IF @Bound > 0 AND EXISTS (SELECT 1 FROM #todo)
    BEGIN
        BEGIN TRANSACTION;
        INSERT INTO dbo.preparation_costs (preprocessing, picture_rows, picture_cols, calls, sent_bytes, sent_seconds, made_slices,
            made_bytes, made_seconds, read_slices, read_bytes, read_seconds, written_slices, written_bytes, written_seconds)
        SELECT @Preprocessing, @Rows, @Cols, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
        WHERE NOT EXISTS (
            SELECT 1 FROM dbo.preparation_costs WITH (UPDLOCK, HOLDLOCK)
            WHERE preprocessing = @Preprocessing AND picture_rows = @Rows AND picture_cols = @Cols);
        UPDATE dbo.preparation_costs
        SET calls = calls + 1
        WHERE preprocessing = @Preprocessing AND picture_rows = @Rows AND picture_cols = @Cols;
        COMMIT TRANSACTION;
    END;
    SELECT @IsRead = is_worth_reading, @IsKept = is_worth_keeping
    FROM dbo.feature_storage
    WHERE kind = N'prepared pictures' AND preprocessing = @Preprocessing AND picture_rows = @Rows AND picture_cols = @Cols;

    -- A few scans at a time, so that no transaction is large.
    WHILE 1 = 1
    BEGIN
        DELETE FROM #dropped;
        INSERT INTO #dropped (scan_id, preprocessing, picture_rows, picture_cols)
        SELECT TOP (16) p.scan_id, p.preprocessing, p.picture_rows, p.picture_cols
        FROM (
            SELECT scan_id, preprocessing, picture_rows, picture_cols, used_at, uses, SUM(bytes) OVER (
                ORDER BY used_at DESC, uses DESC, scan_id, preprocessing, picture_rows, picture_cols ROWS UNBOUNDED PRECEDING) AS so_far
            FROM dbo.prepared_scans) AS p
        WHERE p.so_far > @Bound
            OR (@IsRead = 0 AND p.preprocessing = @Preprocessing AND p.picture_rows = @Rows AND p.picture_cols = @Cols)
        ORDER BY p.used_at, p.uses, p.scan_id DESC;
        IF NOT EXISTS (SELECT 1 FROM #dropped)
            BREAK;
        DELETE p
        FROM dbo.prepared_scans AS p
        INNER JOIN #dropped AS d ON d.scan_id = p.scan_id AND d.preprocessing = p.preprocessing AND d.picture_rows = p.picture_rows
            AND d.picture_cols = p.picture_cols;
    END;

    UPDATE t
    SET t.is_kept = 1, t.kept_bytes = p.bytes
    FROM #todo AS t
    INNER JOIN dbo.prepared_scans AS p ON p.scan_id = t.scan_id
    WHERE @Bound > 0 AND p.preprocessing = @Preprocessing AND p.picture_rows = @Rows AND p.picture_cols = @Cols;
    -- Of what was not measured yet, a few scans are enough to measure it.
    IF @Bound > 0 AND (@IsKept = 1 OR (@IsKept IS NULL AND NOT EXISTS (SELECT 1 FROM #todo WHERE is_kept = 1)))
        UPDATE t
        SET t.kept_bytes = CAST(t.slices AS BIGINT) * @Rows * @Cols * @Pixel
        FROM #todo AS t
        INNER JOIN (
            SELECT scan_id, SUM(slices) OVER (ORDER BY scan_id ROWS UNBOUNDED PRECEDING) - slices AS slices_before
            FROM #todo) AS b ON b.scan_id = t.scan_id
        WHERE t.is_kept = 0 AND CAST(t.slices AS BIGINT) * @Rows * @Cols * @Pixel <= @Most AND (@IsKept = 1 OR b.slices_before < 256);
END;
