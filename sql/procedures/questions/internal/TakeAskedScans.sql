-- TakeAskedScans: fills #asked with the scans that a question about a model is asked of, and what is known of them: those of a data set, or
-- those that the model learnt from. Scans without the features that the model reads are left out, and a model of which none has them is
-- refused; a look at test patients, by the model's experiment or by dbo.splits, is counted.
-- Called by FeatureImportance, whose table #asked it fills.
CREATE OR ALTER PROCEDURE internal.TakeAskedScans
    @ClassifierId INT,       -- the model
    @DatasetVersionId INT,   -- version of a data set, or NULL for the scans that the model learnt from
    @Scans INT OUTPUT,       -- scans taken
    @Labelled INT OUTPUT     -- how many of them have labels
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @FeatureSetId INT, @Pooling NVARCHAR(32), @Task VARCHAR(14), @ExperimentId INT, @Horizon INT,
        @Asked INT, @Missing INT;
    CREATE TABLE #combine (scan_id INT NOT NULL PRIMARY KEY);
    CREATE TABLE #read (scan_id INT NOT NULL PRIMARY KEY);
    SELECT @FeatureSetId = feature_set_id, @Pooling = pooling, @Task = task FROM dbo.classifiers WHERE classifier_id = @ClassifierId;
    SELECT TOP (1) @ExperimentId = experiment_id, @Horizon = horizon_days
    FROM dbo.experiments
    WHERE classifier_id = @ClassifierId
    ORDER BY experiment_id DESC;
    IF @DatasetVersionId IS NULL
        INSERT INTO #combine (scan_id)
        SELECT DISTINCT s.scan_id
        FROM dbo.experiment_patients AS p
        INNER JOIN dbo.scans AS s ON s.scan_id = p.scan_id OR (p.scan_id IS NULL AND s.patient_id = p.patient_id AND s.is_primary = 1)
        WHERE p.experiment_id = @ExperimentId AND p.part <> 'test';
    ELSE
        INSERT INTO #combine (scan_id)
        SELECT scan_id FROM dbo.dataset_members WHERE dataset_version_id = @DatasetVersionId AND scan_id IS NOT NULL;
    SET @Asked = (SELECT COUNT(*) FROM #combine);
    EXECUTE internal.FillCombinedFeatures @FeatureSetId;
    INSERT INTO #asked (scan_id, label)
    SELECT s.scan_id, CASE
        WHEN @Task = 'regression' THEN v.value
        WHEN @Horizon IS NULL AND l.label IN (0, 1) THEN l.label
        WHEN @Horizon IS NOT NULL AND h.label IN (0, 1) THEN h.label END
    FROM #combine AS c
    INNER JOIN dbo.scans AS s ON s.scan_id = c.scan_id
    INNER JOIN dbo.pooled_features AS f ON f.scan_id = s.scan_id
    LEFT JOIN dbo.labels AS l ON l.patient_id = s.patient_id
    LEFT JOIN dbo.scan_labels AS h ON h.scan_id = s.scan_id AND h.horizon_days = @Horizon
    LEFT JOIN dbo.numeric_labels AS v ON v.patient_id = s.patient_id
    WHERE f.feature_set_id = @FeatureSetId AND f.pooling = @Pooling;
    SELECT @Scans = COUNT(*), @Labelled = COUNT(label) FROM #asked;
    IF @Scans = 0
    BEGIN
        SET @Message = IIF(@Asked > 0,
            CONCAT(N'None of the ', @Asked, N' scans has the features that the model reads. Call GenerateFeatures for them.'),
            IIF(@DatasetVersionId IS NULL,
                N'No scan that the model learnt from is recorded here. Give the name of a data set as @Dataset.',
                N'The data set has no scans. Give one of scans as @Dataset; see ListDatasets.'));
        THROW 50109, @Message, 1;
    END;
    INSERT INTO #read (scan_id)
    SELECT scan_id FROM #asked;
    EXECUTE internal.CheckVectors @FeatureSetId, @Pooling;

    SET @Missing = @Asked - @Scans;
    IF @Missing > 0
        RAISERROR(N'%d of %d scans have no features that the model reads and are left out.', 0, 1, @Missing, @Asked) WITH NOWAIT;
    IF EXISTS (
        SELECT 1
        FROM #asked AS a
        INNER JOIN dbo.scans AS s ON s.scan_id = a.scan_id
        LEFT JOIN dbo.experiment_patients AS p ON p.patient_id = s.patient_id AND p.experiment_id = @ExperimentId
        LEFT JOIN dbo.splits AS d ON d.patient_id = s.patient_id
        WHERE 'test' IN (p.part, d.part))
        EXECUTE internal.CountLook @ClassifierId, N'FeatureImportance';
END;
