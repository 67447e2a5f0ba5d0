-- RefreshWorklist: brings dbo.worklist in line with the other tables, for the scans given or for all.
-- Example: EXECUTE dbo.RefreshWorklist;
CREATE OR ALTER PROCEDURE dbo.RefreshWorklist
    @Scans NVARCHAR(MAX) = NULL, -- scan_ids with commas between, which stand for all scans of their patients; NULL means all
    @Help BIT = 0                -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.RefreshWorklist brings dbo.worklist, which ListPatients searches and sorts by, in line with the other tables.
Loading, features, scores and reviews do so by themselves: call it after changing patients, scans or predictions by hand.
Parameters:
    @Scans NVARCHAR(MAX) = NULL  scan_ids with commas between, which stand for all scans of their patients; NULL means all
    @Help BIT = 0                1 prints this help and does nothing else
Example:
    EXECUTE dbo.RefreshWorklist;';
        RETURN 0;
    END;

    DECLARE @Locked INT;
    CREATE TABLE #changed (scan_id INT NOT NULL PRIMARY KEY);
    INSERT INTO #changed (scan_id)
    SELECT scan_id FROM dbo.scans WHERE @Scans IS NULL
    UNION
    -- With the scan that was the patient's primary one before.
    SELECT s.scan_id
    FROM STRING_SPLIT(@Scans, N',') AS g
    INNER JOIN dbo.scans AS o ON o.scan_id = CAST(g.value AS INT)
    INNER JOIN dbo.scans AS s ON s.patient_id = o.patient_id
    WHERE g.value <> N'';

    BEGIN TRANSACTION;
    -- Whoever comes second waits here, and then sees what the first has stored.
    -- Each statement is compiled for the scans at hand, as there may be one or all.
    SELECT @Locked = COUNT(*)
    FROM dbo.worklist WITH (UPDLOCK, HOLDLOCK)
    WHERE scan_id IN (SELECT scan_id FROM #changed)
    OPTION (RECOMPILE);
    DELETE w
    FROM dbo.worklist AS w
    INNER JOIN dbo.scans AS s ON s.scan_id = w.scan_id
    WHERE s.is_primary = 0 AND w.scan_id IN (SELECT scan_id FROM #changed)
    OPTION (RECOMPILE);
    UPDATE w
    SET w.display_name = p.display_name, w.study_date = s.study_date, w.slices = s.number_images, w.state = t.state,
        w.prediction_id = t.prediction_id, w.probability = r.probability, w.work = CASE
            WHEN EXISTS (SELECT 1 FROM dbo.reviews AS v WHERE v.patient_id = s.patient_id AND v.content_sha256 = s.content_sha256) THEN 8
            ELSE CASE t.state WHEN 3 THEN 0 WHEN 1 THEN 2 WHEN 2 THEN 4 ELSE 6 END END + COALESCE(1 - r.probability, 0)
    FROM dbo.worklist AS w
    INNER JOIN dbo.patients AS p ON p.idx = w.idx
    INNER JOIN dbo.scans AS s ON s.scan_id = w.scan_id
    INNER JOIN dbo.scan_states AS t ON t.scan_id = w.scan_id
    LEFT JOIN dbo.predictions AS r ON r.prediction_id = t.prediction_id
    WHERE w.scan_id IN (SELECT scan_id FROM #changed)
    OPTION (RECOMPILE);
    INSERT INTO dbo.worklist (idx, scan_id, patient_id, display_name, study_date, slices, state, prediction_id, probability, work)
    SELECT p.idx, s.scan_id, p.patient_id, p.display_name, s.study_date, s.number_images, t.state, t.prediction_id, r.probability, CASE
            WHEN EXISTS (SELECT 1 FROM dbo.reviews AS v WHERE v.patient_id = s.patient_id AND v.content_sha256 = s.content_sha256) THEN 8
            ELSE CASE t.state WHEN 3 THEN 0 WHEN 1 THEN 2 WHEN 2 THEN 4 ELSE 6 END END + COALESCE(1 - r.probability, 0)
    FROM dbo.scans AS s
    INNER JOIN dbo.patients AS p ON p.patient_id = s.patient_id
    INNER JOIN dbo.scan_states AS t ON t.scan_id = s.scan_id
    LEFT JOIN dbo.predictions AS r ON r.prediction_id = t.prediction_id
    WHERE s.is_primary = 1 AND s.scan_id IN (SELECT scan_id FROM #changed)
        AND NOT EXISTS (SELECT 1 FROM dbo.worklist AS w WHERE w.scan_id = s.scan_id)
    ORDER BY p.idx
    OPTION (RECOMPILE);
    COMMIT TRANSACTION;
END;
