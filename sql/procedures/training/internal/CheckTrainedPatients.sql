-- CheckTrainedPatients: refuses a training of which the script did not give back every patient that it was sent, once.
-- Called by TrainModel and CreateEnsemble, whose tables #patients and #result it reads.
CREATE OR ALTER PROCEDURE internal.CheckTrainedPatients
    @RunId INT,             -- row of dbo.runs
    @FeatureSetId INT,      -- feature set of the vectors
    @Pooling NVARCHAR(32)   -- their pooling
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Gone INT, @Some NVARCHAR(200);
    CREATE TABLE #sent (place INT NOT NULL, part INT NOT NULL);
    CREATE TABLE #came (place INT NULL, part INT NULL);
    CREATE TABLE #gone (scan_id INT NOT NULL PRIMARY KEY);

    INSERT INTO #gone (scan_id)
    SELECT t.scan_id
    FROM #patients AS t
    WHERE t.place NOT IN (SELECT place FROM #result WHERE place IS NOT NULL) AND NOT EXISTS (
        SELECT 1 FROM dbo.pooled_features AS f
        WHERE f.scan_id = t.scan_id AND f.feature_set_id = @FeatureSetId AND f.pooling = @Pooling AND f.vector_sha256 = t.vector_sha256);
    SET @Gone = (SELECT COUNT(*) FROM #gone);
    IF @Gone > 0
    BEGIN
        SET @Some = (SELECT STRING_AGG(CAST(g.scan_id AS NVARCHAR(12)), N', ')
            FROM (SELECT TOP (5) scan_id FROM #gone ORDER BY scan_id) AS g);
        SET @Message = CONCAT(N'The features of ', @Gone, N' scans were replaced or removed before they were read: ', @Some,
            IIF(@Gone > 5, N', …', N''), N'. Nothing is stored. Train again.');
        EXECUTE internal.EndRun @RunId, @Gone, @Message;
        THROW 50232, @Message, 1;
    END;

    -- A part outside of those known, or a score that is no number, is no row of a patient.
    INSERT INTO #sent (place, part)
    SELECT place, 1 FROM #patients;
    INSERT INTO #came (place, part)
    SELECT r.place, CASE WHEN r.out_of_fold IN (0, 1) AND r.fold >= -1
        AND ((t.target IS NULL AND r.raw BETWEEN 0 AND 1 AND r.probability BETWEEN 0 AND 1)
            OR (t.target IS NOT NULL AND r.raw IS NOT NULL AND r.probability IS NULL))
        AND (t.part = r.part OR (t.part = 'train' AND r.part = 'validation')) THEN 1 ELSE 0 END
    FROM #result AS r
    LEFT JOIN #patients AS t ON t.place = r.place;
    EXECUTE internal.CheckRows N'rows', @RunId;
END;
