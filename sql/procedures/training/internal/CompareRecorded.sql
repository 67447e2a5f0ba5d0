-- CompareRecorded: fills #patients with the scans that a version learnt from, as its run recorded them, and says what of them is not so any
-- more. Called by RepeatExperiment, whose table #patients it fills.
CREATE OR ALTER PROCEDURE internal.CompareRecorded
    @ExperimentId INT,              -- the run
    @FeatureSetId INT,              -- feature set of the vectors
    @Pooling NVARCHAR(32),          -- their pooling
    @Details NVARCHAR(MAX),         -- what is recorded of the model, JSON
    @Changes NVARCHAR(2000) OUTPUT  -- what changed, or NULL
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Horizon INT, @PositiveFrom INT, @Recorded INT, @Count INT;
    CREATE TABLE #changes (kind INT NOT NULL, scan_id INT NOT NULL, told NVARCHAR(200) COLLATE DATABASE_DEFAULT NOT NULL);
    CREATE TABLE #combine (scan_id INT NOT NULL PRIMARY KEY);
    CREATE TABLE #read (scan_id INT NOT NULL PRIMARY KEY);
    SELECT @Horizon = horizon_days, @PositiveFrom = TRY_CAST(JSON_VALUE(parameters, N'$.positive_from') AS INT)
    FROM dbo.experiments
    WHERE experiment_id = @ExperimentId;
    INSERT INTO #patients (patient_id, scan_id, label, target, part, vector_sha256)
    SELECT patient_id, scan_id, label, target, 'train', vector_sha256
    FROM dbo.experiment_patients
    WHERE experiment_id = @ExperimentId AND part <> 'test' AND scan_id IS NOT NULL AND (label IS NOT NULL OR target IS NOT NULL)
        AND vector_sha256 IS NOT NULL
    ORDER BY patient_id, member;
    SET @Count = (SELECT COUNT(*) FROM #patients);
    SET @Recorded = COALESCE(CAST(JSON_VALUE(@Details, N'$.patients.train') AS INT), 0)
        + COALESCE(CAST(JSON_VALUE(@Details, N'$.patients.validation') AS INT), 0);

    INSERT INTO #combine (scan_id)
    SELECT s.scan_id FROM dbo.scans AS s INNER JOIN #patients AS t ON t.scan_id = s.scan_id;
    EXECUTE internal.FillCombinedFeatures @FeatureSetId;
    INSERT INTO #read (scan_id)
    SELECT scan_id FROM #patients;
    EXECUTE internal.CheckVectors @FeatureSetId, @Pooling, 1, 0;
    INSERT INTO #changes (kind, scan_id, told)
    SELECT 1, t.scan_id, CASE WHEN f.scan_id IS NULL THEN N'has no vector any more' ELSE N'has another vector' END
    FROM #patients AS t
    LEFT JOIN dbo.pooled_features AS f ON f.scan_id = t.scan_id AND f.feature_set_id = @FeatureSetId AND f.pooling = @Pooling
    WHERE f.scan_id IS NULL OR t.vector_sha256 <> HASHBYTES('SHA2_256', CONVERT(VARBINARY(MAX), f.vector))
        OR t.vector_sha256 <> COALESCE(f.vector_sha256, 0x);
    INSERT INTO #changes (kind, scan_id, told)
    SELECT 2, l.scan_id, IIF(l.label_now IS NULL, N'has no label any more', N'has another label')
    FROM (
        SELECT t.scan_id, t.label, CASE
            WHEN @PositiveFrom IS NULL THEN COALESCE(h.label, p.label)
            WHEN COALESCE(h.label, p.label) >= @PositiveFrom THEN 1
            WHEN COALESCE(h.label, p.label) < @PositiveFrom THEN 0 END AS label_now
        FROM #patients AS t
        LEFT JOIN dbo.labels AS p ON p.patient_id = t.patient_id AND @Horizon IS NULL
        LEFT JOIN dbo.scan_labels AS h ON h.scan_id = t.scan_id AND h.horizon_days = @Horizon) AS l
    WHERE COALESCE(l.label_now, -1) <> l.label;
    INSERT INTO #changes (kind, scan_id, told)
    SELECT 2, t.scan_id, IIF(n.value IS NULL, N'has no number in dbo.numeric_labels any more', N'has another number in dbo.numeric_labels')
    FROM #patients AS t
    LEFT JOIN dbo.numeric_labels AS n ON n.patient_id = t.patient_id
    WHERE t.target IS NOT NULL AND (n.value IS NULL OR n.value <> t.target);
    INSERT INTO #changes (kind, scan_id, told)
    SELECT 3, t.scan_id, N'is in the test part of dbo.splits now'
    FROM #patients AS t
    INNER JOIN dbo.splits AS s ON s.patient_id = t.patient_id
    WHERE s.part = 'test';

    SET @Changes = CASE WHEN @Count < @Recorded OR @Count = 0 THEN CONCAT(N'of ', @Recorded, N' scans that it learnt from ', @Count,
        N' are recorded with label and hash; the others were removed with their patients, or trained before hashes were kept.') END;
    SELECT @Changes = LEFT(CONCAT(@Changes + N' ', STRING_AGG(CONCAT(N'The scan ', c.scan_id, N' ', c.told,
            IIF(c.others > 0, CONCAT(N', and ', c.others, N' others changed alike'), N''), N'.'), N' ')
            WITHIN GROUP (ORDER BY c.kind)), 1500)
    FROM (
        SELECT f.kind, f.scan_id, MIN(g.told) AS told, f.others
        FROM (SELECT kind, MIN(scan_id) AS scan_id, COUNT(*) - 1 AS others FROM #changes GROUP BY kind) AS f
        INNER JOIN #changes AS g ON g.kind = f.kind AND g.scan_id = f.scan_id
        GROUP BY f.kind, f.scan_id, f.others) AS c
    HAVING COUNT(*) > 0;
END;
