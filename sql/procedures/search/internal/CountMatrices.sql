-- CountMatrices: counts the training patients of every row of #matrices, and the scans with a value missing; refuses to leave patients
-- without features out unasked.
-- Called by SearchModels, whose tables #matrices and #patients it fills.
CREATE OR ALTER PROCEDURE internal.CountMatrices
    @SkipMissing BIT,       -- 1 leaves out labelled patients without features
    @DatasetVersionId INT,  -- version of a data set whose members to take, or NULL
    @Horizon INT,           -- horizon of the labels in days, or NULL for those of patients
    @PositiveFrom INT       -- labels from this one on count as 1, or NULL where they are 0 and 1
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @FeatureSetId INT, @Pooling NVARCHAR(32);
    WHILE EXISTS (SELECT 1 FROM #matrices WHERE positives IS NULL)
    BEGIN
        SELECT TOP (1) @FeatureSetId = feature_set_id, @Pooling = pooling
        FROM #matrices
        WHERE positives IS NULL
        ORDER BY feature_set_id, pooling;
        DELETE FROM #patients;
        EXECUTE internal.TakeTrainingPatients @FeatureSetId, @Pooling, @SkipMissing, @DatasetVersionId, @Horizon, @PositiveFrom;
        UPDATE #matrices
        SET negatives = (SELECT COUNT(DISTINCT patient_id) FROM #patients WHERE part = 'train' AND label = 0),
            positives = (SELECT COUNT(DISTINCT patient_id) FROM #patients WHERE part = 'train' AND label = 1),
            only_negatives = (
                SELECT COUNT(*)
                FROM (SELECT patient_id FROM #patients WHERE part = 'train' GROUP BY patient_id HAVING MAX(label) = 0) AS a),
            scans = (SELECT COUNT(*) FROM #patients WHERE part = 'train'),
            -- The model scores the test patients too, so theirs count.
            lacking = (
                SELECT COUNT(*)
                FROM #patients AS t
                INNER JOIN dbo.pooled_features AS f ON f.scan_id = t.scan_id
                WHERE f.feature_set_id = @FeatureSetId AND f.pooling = @Pooling AND @Pooling = N'combined' AND f.vector LIKE N'%null%')
        WHERE feature_set_id = @FeatureSetId AND pooling = @Pooling;
    END;
END;
