-- TakeScoresToExplain: fills #chunk with the scores of #todo that are explained next, puts what the script reads of them into #sending,
-- and empties #result. The script's query reads #sending alone, because it runs with the caller's rights. What other sessions have
-- settled meanwhile leaves #todo; what they hold is waited for, with #chunk empty.
-- Called by ExplainScans, whose tables these are, and whose table #parts it reads.
CREATE OR ALTER PROCEDURE internal.TakeScoresToExplain
    @RunId INT,             -- row of dbo.runs
    @WorkId INT,            -- row of dbo.work
    @Worker NVARCHAR(128),  -- name of this session
    @ChunkMegabytes INT,    -- megabytes of features, unless a single scan has more
    @FeatureSetId INT,      -- feature set of the vectors
    @Pooling NVARCHAR(32),  -- their pooling
    @Total INT              -- scores that were to do
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Others INT, @Done INT, @Bytes BIGINT = CAST(@ChunkMegabytes AS BIGINT) * 1000000;
    DELETE FROM #result;
    DELETE FROM #chunk;
    DELETE FROM #sending;
    -- Each gives back up to some thousands of rows.
    EXECUTE internal.ClaimItems @WorkId, @Worker, @Bytes, 50, @RunId;
    IF EXISTS (SELECT 1 FROM #queue WHERE state = 'settled')
    BEGIN
        INSERT INTO #failed (prediction_id, number, error)
        SELECT position, error_number, error FROM #queue WHERE state = 'settled' AND error IS NOT NULL;
        SET @Others = (SELECT COUNT(*) FROM #queue WHERE state = 'settled');
        DELETE FROM #todo WHERE prediction_id IN (SELECT position FROM #queue WHERE state = 'settled');
        SET @Done = @Total - (SELECT COUNT(*) FROM #todo);
        SET @Message = CONCAT(@Done, N' of ', @Total, N' scores done, ', @Others, N' of them by other sessions meanwhile.');
        EXECUTE internal.ReportStep @RunId, @Message, @Done, @Total;
    END;
    INSERT INTO #chunk (prediction_id, scan_id, vector_sha256, array_sha256)
    SELECT t.prediction_id, t.scan_id, t.vector_sha256, t.array_sha256
    FROM #todo AS t
    INNER JOIN #queue AS q ON q.position = t.prediction_id
    WHERE q.state = 'held';
    INSERT INTO #sending (prediction_id, position, vector, raw, array_rows, array_cols, array, sha256)
    SELECT c.prediction_id, COALESCE(q.position, 0), IIF(q.position > m.position, N'', v.vector),
        COALESCE(p.raw_probability, p.predicted), COALESCE(f.array_rows, 0), COALESCE(f.array_cols, 0), COALESCE(f.array, 0x),
        COALESCE(f.sha256, 0x)
    FROM #chunk AS c
    INNER JOIN dbo.predictions AS p ON p.prediction_id = c.prediction_id
    INNER JOIN dbo.pooled_features AS v ON v.scan_id = c.scan_id AND v.vector_sha256 = c.vector_sha256
    CROSS JOIN (SELECT MIN(position) AS position FROM #parts) AS m
    LEFT JOIN #parts AS q ON 1 = 1
    LEFT JOIN dbo.features AS f ON f.scan_id = c.scan_id AND f.feature_set_id = q.feature_set_id
    WHERE v.feature_set_id = @FeatureSetId AND v.pooling = @Pooling AND (q.position IS NULL OR f.scan_id IS NOT NULL);
END;
