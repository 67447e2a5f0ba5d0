-- ShowExplanations: returns the scores of #asked that are explained, their top features and their top slices, ends the run, and refuses
-- where a score could not be explained.
-- Called by ExplainScans, whose tables #asked and #failed it reads.
CREATE OR ALTER PROCEDURE internal.ShowExplanations
    @RunId INT,         -- row of dbo.runs
    @TopFeatures INT,   -- features of a score
    @TopSlices INT      -- triples of slices of a score
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Number INT, @Asked INT, @Failed INT;
    SELECT e.prediction_id, e.patient_index, e.scan_id, e.model_name, e.model_version, e.probability_percent, e.raw_percent, e.predicted,
        e.margin, e.expected_margin, e.reference_margin, e.triples
    FROM dbo.explained_scores AS e
    INNER JOIN #asked AS a ON a.prediction_id = e.prediction_id
    WHERE e.prediction_id NOT IN (SELECT prediction_id FROM #failed)
    ORDER BY e.prediction_id;
    EXECUTE internal.ShowExplained @TopFeatures, @TopSlices;

    SELECT @Failed = COUNT(*), @Number = 50375 FROM #failed;
    SET @Asked = (SELECT COUNT(*) FROM #asked);
    IF @Failed > 0 AND @Asked = 1
        SELECT @Number = f.number, @Message = REPLACE(LEFT(CONCAT(N'The score ', f.prediction_id, N' of the scan ', a.scan_id,
            N' cannot be explained. ', f.error), 1900), N'%', N'%%')
        FROM #failed AS f
        INNER JOIN #asked AS a ON a.prediction_id = f.prediction_id;
    ELSE IF @Failed > 0
        SET @Message = REPLACE(LEFT(CONCAT(@Failed, N' of ', @Asked, N' scores could not be explained: ', (
            SELECT STRING_AGG(CONCAT(CAST(N'scan ' AS NVARCHAR(MAX)), t.scan_id, N': ', LEFT(t.error, 300)), N' ')
                WITHIN GROUP (ORDER BY t.scan_id)
            FROM (
                SELECT TOP (5) a.scan_id, f.error
                FROM #failed AS f
                INNER JOIN #asked AS a ON a.prediction_id = f.prediction_id
                ORDER BY a.scan_id) AS t), IIF(@Failed > 5, N' …', N''), N' The others are stored.'), 1900), N'%', N'%%');
    EXECUTE internal.EndRun @RunId, @Failed, @Message;
    IF @Failed > 0
        THROW @Number, @Message, 1;
END;
