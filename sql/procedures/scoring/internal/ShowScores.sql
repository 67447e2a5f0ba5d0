-- ShowScores: returns the scores in #scores, a row a scan: index of the patient, percent, of a regression the number predicted, and, where
-- scans were asked for, scan_id.
-- Called by PredictPatients and PredictPatientsSql, whose tables #wanted and #scores it reads.
CREATE OR ALTER PROCEDURE internal.ShowScores
    @Only NVARCHAR(16),      -- which scans were asked for, or NULL
    @Dataset NVARCHAR(128),  -- data set that was asked for, or NULL
    @ClassifierId INT        -- model that gave the scores
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @OfScans BIT = IIF(@Only IS NULL AND @Dataset IS NULL, 0, 1);
    DECLARE @Task VARCHAR(14) = (SELECT task FROM dbo.classifiers WHERE classifier_id = @ClassifierId);
    IF @Task = 'regression' AND @OfScans = 0
        SELECT w.idx AS patient_index, s.raw AS predicted
        FROM #scores AS s
        INNER JOIN #wanted AS w ON w.scan_id = s.scan_id
        ORDER BY w.idx;
    ELSE IF @Task = 'regression'
        SELECT w.idx AS patient_index, s.raw AS predicted, w.scan_id
        FROM #scores AS s
        INNER JOIN #wanted AS w ON w.scan_id = s.scan_id
        ORDER BY w.idx, w.scan_id;
    ELSE IF @OfScans = 0
        SELECT w.idx AS patient_index, 100 * s.probability AS prediction_percent
        FROM #scores AS s
        INNER JOIN #wanted AS w ON w.scan_id = s.scan_id
        ORDER BY w.idx;
    ELSE
        SELECT w.idx AS patient_index, 100 * s.probability AS prediction_percent, w.scan_id
        FROM #scores AS s
        INNER JOIN #wanted AS w ON w.scan_id = s.scan_id
        ORDER BY w.idx, w.scan_id;
END;
