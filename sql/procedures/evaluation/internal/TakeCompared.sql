-- TakeCompared: fills #compared with one scan of each patient whom a model was tested on, and of each who came later, with the SHA-256 of
-- their vectors; refuses too few of either. Patients whom the model has learnt from are in neither group, and those tested only in theirs.
-- Called by CheckDrift, whose table #compared it fills.
CREATE OR ALTER PROCEDURE internal.TakeCompared
    @ClassifierId INT,      -- the model
    @Since DATETIME2(3),    -- later are scans first scored then or after it; NULL with a data set
    @DatasetVersionId INT   -- later are scans of this version of a data set, or NULL
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @FeatureSetId INT, @Pooling NVARCHAR(32), @Known INT, @Missing INT;
    DECLARE @Tested INT, @Later INT, @Fewest INT = 10;
    DECLARE @ExperimentId INT = (SELECT MAX(experiment_id) FROM dbo.experiments WHERE classifier_id = @ClassifierId);
    CREATE TABLE #runs (experiment_id INT NOT NULL PRIMARY KEY);
    CREATE TABLE #later (scan_id INT NOT NULL PRIMARY KEY, patient_id NVARCHAR(64) COLLATE DATABASE_DEFAULT NOT NULL);
    CREATE TABLE #combine (scan_id INT NOT NULL PRIMARY KEY);
    CREATE TABLE #read (scan_id INT NOT NULL PRIMARY KEY);
    SELECT @FeatureSetId = feature_set_id, @Pooling = pooling FROM dbo.classifiers WHERE classifier_id = @ClassifierId;
    -- An ensemble has learnt from what its members have learnt from.
    INSERT INTO #runs (experiment_id)
    SELECT experiment_id FROM dbo.experiments
    WHERE classifier_id = @ClassifierId
        OR classifier_id IN (SELECT member_classifier_id FROM dbo.ensemble_members WHERE classifier_id = @ClassifierId);

    IF @DatasetVersionId IS NULL
        INSERT INTO #later (scan_id, patient_id)
        SELECT s.scan_id, s.patient_id
        FROM dbo.scans AS s
        INNER JOIN (SELECT scan_id, MIN(predicted_at) AS first_scored FROM dbo.predictions GROUP BY scan_id) AS p ON p.scan_id = s.scan_id
        WHERE p.first_scored >= @Since;
    ELSE
        INSERT INTO #later (scan_id, patient_id)
        SELECT s.scan_id, s.patient_id
        FROM dbo.dataset_members AS m
        INNER JOIN dbo.scans AS s ON s.scan_id = m.scan_id AND s.content_sha256 = m.content_sha256
        WHERE m.dataset_version_id = @DatasetVersionId;
    SET @Known = (
        SELECT COUNT(DISTINCT patient_id) FROM #later
        WHERE patient_id IN (
            SELECT p.patient_id FROM dbo.experiment_patients AS p INNER JOIN #runs AS r ON r.experiment_id = p.experiment_id));
    DELETE FROM #later
    WHERE patient_id IN (
        SELECT p.patient_id FROM dbo.experiment_patients AS p INNER JOIN #runs AS r ON r.experiment_id = p.experiment_id);

    INSERT INTO #compared (scan_id, patient_id, is_later)
    SELECT MAX(scan_id), patient_id, 1
    FROM #later
    GROUP BY patient_id
    UNION ALL
    SELECT s.scan_id, s.patient_id, 0
    FROM dbo.experiment_patients AS t
    INNER JOIN dbo.scans AS s ON s.scan_id = t.scan_id
    WHERE t.experiment_id = @ExperimentId AND t.part = 'test' AND t.member = (
        SELECT MIN(f.member) FROM dbo.experiment_patients AS f WHERE f.experiment_id = t.experiment_id AND f.patient_id = t.patient_id);
    INSERT INTO #combine (scan_id)
    SELECT scan_id FROM #compared;
    EXECUTE internal.FillCombinedFeatures @FeatureSetId;
    UPDATE c
    SET c.vector_sha256 = COALESCE(f.vector_sha256, 0x)
    FROM #compared AS c
    INNER JOIN dbo.pooled_features AS f ON f.scan_id = c.scan_id
    WHERE f.feature_set_id = @FeatureSetId AND f.pooling = @Pooling;
    SET @Missing = (SELECT COUNT(*) FROM #compared WHERE vector_sha256 IS NULL);
    DELETE FROM #compared WHERE vector_sha256 IS NULL;

    SELECT @Tested = COALESCE(SUM(CASE is_later WHEN 0 THEN 1 ELSE 0 END), 0),
        @Later = COALESCE(SUM(CASE is_later WHEN 1 THEN 1 ELSE 0 END), 0)
    FROM #compared;
    IF @Tested < @Fewest OR @Later < @Fewest
    BEGIN
        SET @Message = CONCAT(N'There are ', @Tested, N' patients whom the model was tested on and ', @Later,
            N' who came later, whose features are stored; ', @Fewest, N' of each are needed. ', @Missing, N' more have no features, and ',
            @Known, N' later ones were left out because its training had them. Generate features, ',
            IIF(@Tested < @Fewest, N'or train the model here with more test patients.',
                N'or take an earlier @Since or a larger data set.'));
        THROW 50288, @Message, 1;
    END;
    IF @Missing + @Known > 0
        RAISERROR(N'Left out: %d patients without features, and %d later ones whom the training had.', 0, 1, @Missing, @Known) WITH NOWAIT;
    INSERT INTO #read (scan_id)
    SELECT scan_id FROM #compared;
    EXECUTE internal.CheckVectors @FeatureSetId, @Pooling;
END;
