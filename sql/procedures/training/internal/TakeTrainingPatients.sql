-- TakeTrainingPatients: fills #patients with the labelled scans that have features, a row each; refuses to leave others out unasked.
-- They are the primary scans of patients with a label, the members of a data set, or all scans with a label of a horizon.
-- Called by TrainModel and CountMatrices, whose table #patients it fills.
CREATE OR ALTER PROCEDURE internal.TakeTrainingPatients
    @FeatureSetId INT,              -- feature set
    @Pooling NVARCHAR(32),          -- pooling
    @SkipMissing BIT,               -- 1 leaves out labelled patients without features
    @DatasetVersionId INT = NULL,   -- version of a data set whose members to take, or NULL
    @Horizon INT = NULL,            -- horizon of the labels in days, or NULL for those of patients
    @PositiveFrom INT = NULL,       -- labels from this one on count as 1, or NULL where they are 0 and 1
    @Task NVARCHAR(32) = N'classification' -- or regression, whose labels are the numbers of dbo.numeric_labels
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Missing INT, @Some NVARCHAR(400), @Unlabelled INT;
    CREATE TABLE #missing (idx INT NOT NULL PRIMARY KEY);
    CREATE TABLE #read (scan_id INT NOT NULL PRIMARY KEY);
    CREATE TABLE #combine (scan_id INT NOT NULL PRIMARY KEY);
    CREATE TABLE #labelled (
        scan_id INT NOT NULL PRIMARY KEY, patient_id NVARCHAR(64) COLLATE DATABASE_DEFAULT NOT NULL, label TINYINT NULL,
        target FLOAT NULL);

    EXECUTE internal.TakeLabelledScans @DatasetVersionId, @Horizon, @PositiveFrom, @Task, @Unlabelled OUTPUT;
    INSERT INTO #combine (scan_id)
    SELECT scan_id FROM #labelled;
    EXECUTE internal.FillCombinedFeatures @FeatureSetId;
    INSERT INTO #patients (patient_id, scan_id, label, target, vector_sha256)
    SELECT l.patient_id, l.scan_id, l.label, l.target, COALESCE(f.vector_sha256, 0x)
    FROM #labelled AS l
    INNER JOIN dbo.pooled_features AS f ON f.scan_id = l.scan_id
    WHERE f.feature_set_id = @FeatureSetId AND f.pooling = @Pooling
    ORDER BY l.patient_id, l.scan_id;
    INSERT INTO #read (scan_id)
    SELECT scan_id FROM #patients;
    EXECUTE internal.CheckVectors @FeatureSetId, @Pooling;

    INSERT INTO #missing (idx)
    SELECT DISTINCT p.idx
    FROM #labelled AS l
    INNER JOIN dbo.patients AS p ON p.patient_id = l.patient_id
    WHERE NOT EXISTS (SELECT 1 FROM #patients AS t WHERE t.scan_id = l.scan_id);
    -- A patient with a label and without any scan is missing too, unless it was asked for certain scans.
    INSERT INTO #missing (idx)
    SELECT p.idx
    FROM (
        SELECT patient_id FROM dbo.labels WHERE @Task = N'classification'
        UNION ALL
        SELECT patient_id FROM dbo.numeric_labels WHERE @Task = N'regression') AS l
    INNER JOIN dbo.patients AS p ON p.patient_id = l.patient_id
    WHERE @DatasetVersionId IS NULL AND @Horizon IS NULL
        AND l.patient_id NOT IN (SELECT t.patient_id FROM #labelled AS t);
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
    IF @Unlabelled > 0
        RAISERROR(N'%d scans of the data set have no label and are left out.', 0, 1, @Unlabelled) WITH NOWAIT;

    EXECUTE dbo.AssignSplits;
    UPDATE t
    SET t.part = sp.part
    FROM #patients AS t
    INNER JOIN dbo.splits AS sp ON sp.patient_id = t.patient_id;
END;
