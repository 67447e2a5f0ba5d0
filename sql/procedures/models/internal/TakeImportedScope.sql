-- TakeImportedScope: finds what a classifier from elsewhere knows, from the data set that it is said to have been trained on; held out are
-- the primary scans of test patients who are not in it. Refuses a set of which fewer than three patients have features, because each is
-- measured by the mean and the standard deviation of the others.
-- Called by StoreClassifier, whose tables #taught, #scope and #scope_features it fills.
CREATE OR ALTER PROCEDURE internal.TakeImportedScope
    @FeatureSetId INT,      -- feature set that it reads
    @Pooling NVARCHAR(32),  -- pooling that it reads
    @DatasetVersionId INT   -- version of a data set
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Scans INT, @Patients INT,
        @Members INT = (SELECT COUNT(*) FROM dbo.dataset_members WHERE dataset_version_id = @DatasetVersionId);
    CREATE TABLE #combine (scan_id INT NOT NULL PRIMARY KEY);
    CREATE TABLE #read (scan_id INT NOT NULL PRIMARY KEY);
    INSERT INTO #taught (scan_id, patient_id, is_held_out)
    SELECT s.scan_id, s.patient_id, 0
    FROM dbo.dataset_members AS m
    INNER JOIN dbo.scans AS s ON s.scan_id = m.scan_id
    WHERE m.dataset_version_id = @DatasetVersionId;
    INSERT INTO #taught (scan_id, patient_id, is_held_out)
    SELECT s.scan_id, s.patient_id, 1
    FROM dbo.splits AS p
    INNER JOIN dbo.scans AS s ON s.patient_id = p.patient_id AND s.is_primary = 1
    WHERE p.part = 'test' AND p.patient_id NOT IN (SELECT patient_id FROM #taught);
    INSERT INTO #combine (scan_id)
    SELECT scan_id FROM #taught;
    EXECUTE internal.FillCombinedFeatures @FeatureSetId;
    DELETE FROM #taught
    WHERE scan_id NOT IN (
        SELECT f.scan_id FROM dbo.pooled_features AS f WHERE f.feature_set_id = @FeatureSetId AND f.pooling = @Pooling);
    SELECT @Scans = COUNT(*), @Patients = COUNT(DISTINCT patient_id) FROM #taught WHERE is_held_out = 0;
    IF @Patients < 3
    BEGIN
        SET @Message = CONCAT(CASE @Scans WHEN 0 THEN N'None' ELSE CONCAT(@Scans, N', of ', @Patients, N' patients,') END, N' of the ',
            @Members, N' scans of the data set that the classifier was trained on has features of set ', @FeatureSetId, N' and pooling ',
            @Pooling, N', and at least 3 patients are needed. Call GenerateFeatures for them, or leave @Dataset out.');
        THROW 50320, @Message, 1;
    END;
    IF @Scans < @Members
        RAISERROR(N'%d of %d scans of the data set have these features; what the classifier knows of scans is of those.', 0, 1, @Scans,
            @Members) WITH NOWAIT;
    INSERT INTO #read (scan_id)
    SELECT scan_id FROM #taught;
    EXECUTE internal.CheckVectors @FeatureSetId, @Pooling, 0;
    EXECUTE internal.FitScope @FeatureSetId, @Pooling;
END;
