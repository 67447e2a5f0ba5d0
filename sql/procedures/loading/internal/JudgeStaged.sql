-- JudgeStaged: says of each row of a load whether its features are stored already, in the same bits or in others.
-- Called by StoreStagedFeatures, whose table #vectors it reads and #staged it changes.
CREATE OR ALTER PROCEDURE internal.JudgeStaged
    @LoadId CHAR(32), -- load_id of the rows in dbo.staged_features
    @Replace BIT      -- 1 replaces what differs
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    -- lungdb copy brings no array, and its hash.
    UPDATE t
    SET t.outcome = 'stored'
    FROM #staged AS t
    LEFT JOIN dbo.features AS f WITH (UPDLOCK, HOLDLOCK) ON f.scan_id = t.scan_id AND f.feature_set_id = t.feature_set_id
    WHERE f.scan_id IS NULL OR f.array_rows = 0 OR EXISTS (
        SELECT 1
        FROM #vectors AS v
        LEFT JOIN dbo.pooled_features AS p ON p.scan_id = t.scan_id AND p.feature_set_id = t.feature_set_id AND p.pooling = v.pooling
        WHERE v.place = t.place AND p.vector_sha256 IS NULL);
    UPDATE t
    SET t.outcome = CASE @Replace WHEN 1 THEN 'replaced' ELSE 'refused' END
    FROM #staged AS t
    INNER JOIN dbo.staged_features AS r ON r.load_id = @LoadId AND r.place = t.place
    INNER JOIN dbo.features AS f ON f.scan_id = t.scan_id AND f.feature_set_id = t.feature_set_id
    WHERE f.sha256 <> r.sha256 OR EXISTS (
        SELECT 1
        FROM #vectors AS v
        INNER JOIN dbo.pooled_features AS p ON p.scan_id = t.scan_id AND p.feature_set_id = t.feature_set_id AND p.pooling = v.pooling
        WHERE v.place = t.place AND p.vector_sha256 <> v.sha256);
END;
