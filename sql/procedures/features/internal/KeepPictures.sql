-- KeepPictures: notes what a call of the script has cost, and stores the prepared pictures that came back. Where that fails, the run says
-- so and goes on without keeping any: they can be made again, and the features are stored.
-- Called by GenerateFeatures after StoreFeatures; reads its tables #chunk and #result, and changes #todo.
CREATE OR ALTER PROCEDURE internal.KeepPictures
    @RunId INT,                   -- row of dbo.runs
    @NetworkId INT,               -- the network
    @Preprocessing NVARCHAR(32),  -- one of dbo.preprocessings
    @Rows INT,                    -- rows of the pictures
    @Cols INT,                    -- columns of the pictures
    @Costs NVARCHAR(400),         -- what the script says of digest and seconds, JSON
    @Called DATETIME2(3),         -- when it was called
    @Came DATETIME2(3),           -- when what it gave back had come
    @Started DATETIME2(3),        -- when the run began; what was used since is not dropped
    @Bound BIGINT OUTPUT          -- bytes to keep at most; 0 from now on where this fails
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Sent FLOAT, @Read INT, @Made INT, @ReadBytes FLOAT, @MadeBytes FLOAT, @Out FLOAT, @Written INT, @Network FLOAT,
        @Seconds FLOAT = 0, @Began DATETIME2(3) = SYSUTCDATETIME(), @IsKept INT = (SELECT MAX(CAST(is_kept AS INT)) FROM #chunk),
        @Message NVARCHAR(2000);
    CREATE TABLE #pictures (scan_id INT NOT NULL PRIMARY KEY, slices INT NOT NULL, bytes BIGINT NOT NULL);
    -- What is not spent in the script is the way to it and back.
    SET @Sent = DATEDIFF_BIG(MILLISECOND, @Called, @Came) / 1000.0 - CAST(JSON_VALUE(@Costs, N'$.call') AS FLOAT);
    SET @Network = (SELECT DATALENGTH(model) FROM dbo.networks WHERE network_id = @NetworkId);
    SELECT @Read = SUM(CASE t.is_kept WHEN 1 THEN c.slices ELSE 0 END), @Made = SUM(CASE t.is_kept WHEN 0 THEN c.slices ELSE 0 END),
        @ReadBytes = SUM(CASE t.is_kept WHEN 1 THEN t.kept_bytes ELSE 0 END),
        @MadeBytes = SUM(CASE t.is_kept WHEN 0 THEN t.bytes ELSE 0 END)
    FROM #todo AS t
    INNER JOIN #chunk AS c ON c.scan_id = t.scan_id
    WHERE c.slices > 0;
    INSERT INTO #pictures (scan_id, slices, bytes)
    SELECT r.scan_id, COUNT(*), COUNT(*) * MAX(t.kept_bytes / t.slices)
    FROM #result AS r
    INNER JOIN #chunk AS c ON c.scan_id = r.scan_id
    INNER JOIN #todo AS t ON t.scan_id = r.scan_id
    WHERE r.layer = -2 AND t.kept_bytes > 0
    GROUP BY r.scan_id;
    SELECT @Out = COALESCE(SUM(bytes), 0), @Written = COALESCE(SUM(slices), 0) FROM #pictures;
    -- What was kept of a scan may be fewer pictures than it has slices.
    UPDATE #todo
    SET kept_bytes = CAST(slices AS BIGINT) * @Rows * @Cols * CASE @Preprocessing WHEN N'seed' THEN 1 ELSE 4 END
    WHERE scan_id IN (SELECT scan_id FROM #result WHERE layer = -1);

    BEGIN TRY
        DELETE p
        FROM dbo.prepared_scans AS p
        INNER JOIN #result AS r ON r.scan_id = p.scan_id AND r.layer = -1
        WHERE p.preprocessing = @Preprocessing AND p.picture_rows = @Rows AND p.picture_cols = @Cols;
        UPDATE p
        SET p.uses = p.uses + 1, p.used_at = SYSUTCDATETIME()
        FROM dbo.prepared_scans AS p
        INNER JOIN #chunk AS c ON c.scan_id = p.scan_id AND c.is_kept = 1
        WHERE p.preprocessing = @Preprocessing AND p.picture_rows = @Rows AND p.picture_cols = @Cols;

        IF @Out > 0
        BEGIN
            EXECUTE internal.StorePictures @Preprocessing, @Rows, @Cols, @Costs, @Bound, @Started;
            SET @Seconds = DATEDIFF_BIG(MILLISECOND, @Began, SYSUTCDATETIME()) / 1000.0;
        END;
        -- A clock that was set meanwhile, a call without slices, or one in which pictures were damaged, measures nothing.
        IF @Sent >= 0 AND @Read + @Made > 0 AND NOT EXISTS (SELECT 1 FROM #result WHERE layer = -1)
            UPDATE dbo.preparation_costs
            SET sent_bytes = sent_bytes + @ReadBytes + @MadeBytes + @Out + COALESCE(@Network, 0),
                sent_seconds = sent_seconds + @Sent,
                made_slices = made_slices + @Made,
                made_bytes = made_bytes + @MadeBytes,
                made_seconds = made_seconds + CASE @IsKept WHEN 0 THEN CAST(JSON_VALUE(@Costs, N'$.preparing') AS FLOAT) ELSE 0 END,
                read_slices = read_slices + @Read,
                read_bytes = read_bytes + @ReadBytes,
                read_seconds = read_seconds + CASE @IsKept WHEN 1 THEN CAST(JSON_VALUE(@Costs, N'$.preparing') AS FLOAT) ELSE 0 END,
                written_slices = written_slices + @Written,
                written_bytes = written_bytes + @Out,
                written_seconds = written_seconds + @Seconds
                    + CASE WHEN @Written > 0 THEN CAST(JSON_VALUE(@Costs, N'$.keeping') AS FLOAT) ELSE 0 END
            WHERE preprocessing = @Preprocessing AND picture_rows = @Rows AND picture_cols = @Cols;
    END TRY
    BEGIN CATCH
        IF @@TRANCOUNT > 0
            ROLLBACK TRANSACTION;
        SET @Bound = 0;
        SET @Message = CONCAT(N'Prepared pictures cannot be kept, so this run goes on without keeping any; its features are stored. Error ',
            ERROR_NUMBER(), N': ', LEFT(ERROR_MESSAGE(), 1500));
        EXECUTE internal.ReportStep @RunId, @Message;
    END CATCH;
END;
