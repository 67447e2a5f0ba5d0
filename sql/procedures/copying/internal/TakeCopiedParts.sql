-- TakeCopiedParts: stores the vectors of the parts of combined features in #copy_vectors, combines them anew, and refuses the copy where
-- that gives other vectors than were sent, because a column has another value here; inside the caller's transaction.
-- Called by TakeCopiedScans. The script's tables #copy_scans and #copy_vectors are read.
CREATE OR ALTER PROCEDURE internal.TakeCopiedParts
    @FeatureSetId INT -- combined feature set; another one has no parts to store
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000);
    IF NOT EXISTS (SELECT 1 FROM dbo.feature_parts WHERE feature_set_id = @FeatureSetId)
        RETURN 0;
    CREATE TABLE #combine (scan_id INT NOT NULL PRIMARY KEY);
    CREATE TABLE #came (
        scan_id INT NOT NULL, feature_set_id INT NOT NULL, pooling NVARCHAR(32) COLLATE DATABASE_DEFAULT NOT NULL,
        vector NVARCHAR(MAX) COLLATE DATABASE_DEFAULT NOT NULL, vector_sha256 VARBINARY(32) NOT NULL, features_sha256 VARBINARY(32) NULL);
    INSERT INTO #combine (scan_id)
    SELECT s.scan_id FROM #copy_scans AS c INNER JOIN dbo.scans AS s ON s.series_uid = c.series_uid;
    -- A part may stand in a set twice, where an ensemble reads the combined features of several members.
    INSERT INTO #came (scan_id, feature_set_id, pooling, vector, vector_sha256, features_sha256)
    SELECT s.scan_id, p.part_feature_set_id, p.pooling, v.vector, v.vector_sha256, v.features_sha256
    FROM #copy_vectors AS v
    INNER JOIN dbo.scans AS s ON s.series_uid = v.series_uid
    INNER JOIN dbo.feature_parts AS p ON p.feature_set_id = @FeatureSetId AND p.position = v.position
    WHERE p.position = (
        SELECT MIN(b.position) FROM dbo.feature_parts AS b
        WHERE b.feature_set_id = @FeatureSetId AND b.part_feature_set_id = p.part_feature_set_id AND b.pooling = p.pooling);
    IF EXISTS (SELECT 1 FROM #came WHERE vector_sha256 <> HASHBYTES('SHA2_256', CONVERT(VARBINARY(MAX), vector)))
    BEGIN
        SET @Message = N'Vectors are not those that were sent: their SHA-256 is another one. Make the copy again.';
        THROW 50155, @Message, 1;
    END;
    INSERT INTO dbo.features (scan_id, feature_set_id, array_rows, array_cols, array, sha256, patient_id)
    SELECT c.scan_id, c.feature_set_id, 0, 0, 0x, MIN(c.features_sha256), MIN(s.patient_id)
    FROM #came AS c
    INNER JOIN dbo.scans AS s ON s.scan_id = c.scan_id
    WHERE c.features_sha256 IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM dbo.features AS f WHERE f.scan_id = c.scan_id AND f.feature_set_id = c.feature_set_id)
    GROUP BY c.scan_id, c.feature_set_id;
    UPDATE f
    SET f.vector = c.vector, f.vector_sha256 = c.vector_sha256
    FROM dbo.pooled_features AS f
    INNER JOIN #came AS c ON c.scan_id = f.scan_id AND c.feature_set_id = f.feature_set_id AND c.pooling = f.pooling;
    INSERT INTO dbo.pooled_features (scan_id, feature_set_id, pooling, vector, vector_sha256)
    SELECT c.scan_id, c.feature_set_id, c.pooling, c.vector, c.vector_sha256
    FROM #came AS c
    WHERE NOT EXISTS (
        SELECT 1 FROM dbo.pooled_features AS f
        WHERE f.scan_id = c.scan_id AND f.feature_set_id = c.feature_set_id AND f.pooling = c.pooling);

    EXECUTE internal.FillCombinedFeatures @FeatureSetId;
    SET @Message = (
        SELECT CONCAT(N'The combined features of ', COUNT(*), N' scans are others here than where they come from, the first of scan_id ',
            MIN(s.scan_id), N': a column has another value here, or none. Fill it in alike on both sides, or leave these patients out.')
        FROM #copy_scans AS c
        INNER JOIN dbo.scans AS s ON s.series_uid = c.series_uid
        LEFT JOIN dbo.pooled_features AS f ON f.scan_id = s.scan_id AND f.feature_set_id = @FeatureSetId AND f.pooling = N'combined'
        WHERE f.vector_sha256 IS NULL OR f.vector_sha256 <> c.vector_sha256
        HAVING COUNT(*) > 0);
    IF @Message IS NOT NULL
        THROW 50155, @Message, 1;
END;
