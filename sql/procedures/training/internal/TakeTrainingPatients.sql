-- TakeTrainingPatients: fills #patients with the labelled patients that have features; refuses to leave others out unasked.
-- Called by TrainModel and FindMatrices, whose table #patients it fills.
CREATE OR ALTER PROCEDURE internal.TakeTrainingPatients
    @FeatureSetId INT,      -- feature set
    @Pooling NVARCHAR(32),  -- pooling
    @SkipMissing BIT        -- 1 leaves out labelled patients without features
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Missing INT, @Some NVARCHAR(400);
    CREATE TABLE #missing (idx INT NOT NULL PRIMARY KEY);
    CREATE TABLE #read (scan_id INT NOT NULL PRIMARY KEY);
    CREATE TABLE #combine (scan_id INT NOT NULL PRIMARY KEY);

    INSERT INTO #combine (scan_id)
    SELECT s.scan_id
    FROM dbo.scans AS s
    INNER JOIN dbo.labels AS l ON l.patient_id = s.patient_id
    WHERE s.is_primary = 1;
    EXECUTE internal.FillCombinedFeatures @FeatureSetId;
    INSERT INTO #patients (patient_id, scan_id, label, vector_sha256)
    SELECT s.patient_id, s.scan_id, l.label, COALESCE(f.vector_sha256, 0x)
    FROM dbo.scans AS s
    INNER JOIN dbo.labels AS l ON l.patient_id = s.patient_id
    INNER JOIN dbo.pooled_features AS f ON f.scan_id = s.scan_id
    WHERE s.is_primary = 1 AND f.feature_set_id = @FeatureSetId AND f.pooling = @Pooling
    ORDER BY s.patient_id;
    INSERT INTO #read (scan_id)
    SELECT scan_id FROM #patients;
    EXECUTE internal.CheckVectors @FeatureSetId, @Pooling;

    INSERT INTO #missing (idx)
    SELECT p.idx
    FROM dbo.labels AS l
    INNER JOIN dbo.patients AS p ON p.patient_id = l.patient_id
    WHERE NOT EXISTS (SELECT 1 FROM #patients AS t WHERE t.patient_id = l.patient_id);
    SET @Missing = (SELECT COUNT(*) FROM #missing);
    SET @Some = (SELECT STRING_AGG(CAST(m.idx AS NVARCHAR(MAX)), N', ') FROM (SELECT TOP (20) idx FROM #missing ORDER BY idx) AS m);

    IF @Missing > 0 AND @SkipMissing = 0 AND EXISTS (SELECT 1 FROM #patients)
    BEGIN
        SET @Message = CONCAT(@Missing, N' labelled patients have no features of this kind; their indices: ', @Some,
            IIF(@Missing > 20, N', …', N''), N'. Call GenerateFeatures for their scans, or leave them out with @SkipMissing = 1.');
        THROW 50140, @Message, 1;
    END;
    IF @Missing > 0 AND @SkipMissing = 1
        RAISERROR(N'%d labelled patients without features are left out; the first indices: %s.', 0, 1, @Missing, @Some) WITH NOWAIT;

    EXECUTE dbo.AssignSplits;
    UPDATE t
    SET t.part = sp.part
    FROM #patients AS t
    INNER JOIN dbo.splits AS sp ON sp.patient_id = t.patient_id;
END;
