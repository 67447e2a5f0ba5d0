-- FillCombinedFeatures: makes or renews the vectors of a combined feature set for the scans in #combine, from the parts that
-- dbo.feature_parts lists. A scan that lacks the vector of a part gets none, and loses one that it had; a column without a row or a value
-- is null. A vector made from one that is not what was stored has no SHA-256, so that CheckVectors refuses it. Of any other feature set
-- it does nothing.
-- Called by TakeTrainingPatients, FindPatients and every other procedure that reads vectors, after filling the table #combine.
CREATE OR ALTER PROCEDURE internal.FillCombinedFeatures
    @FeatureSetId INT -- feature set
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Locked INT;
    DECLARE @Parts INT = (SELECT COUNT(*) FROM dbo.feature_parts WHERE feature_set_id = @FeatureSetId);
    IF @Parts = 0
        RETURN 0;
    CREATE TABLE #pieces (
        scan_id INT NOT NULL, position INT NOT NULL, piece NVARCHAR(MAX) COLLATE DATABASE_DEFAULT NOT NULL, is_sound BIT NOT NULL);
    CREATE TABLE #combined (
        scan_id INT NOT NULL PRIMARY KEY, vector NVARCHAR(MAX) COLLATE DATABASE_DEFAULT NOT NULL, vector_sha256 VARBINARY(32) NULL);

    INSERT INTO #pieces (scan_id, position, piece, is_sound)
    SELECT c.scan_id, p.position, SUBSTRING(LTRIM(RTRIM(f.vector)), 2, LEN(f.vector) - 2),
        CASE WHEN f.vector_sha256 = HASHBYTES('SHA2_256', CONVERT(VARBINARY(MAX), f.vector)) THEN 1 ELSE 0 END
    FROM dbo.feature_parts AS p
    INNER JOIN dbo.pooled_features AS f ON f.feature_set_id = p.part_feature_set_id AND f.pooling = p.pooling
    INNER JOIN #combine AS c ON c.scan_id = f.scan_id
    WHERE p.feature_set_id = @FeatureSetId;
    SELECT TOP (1) @Message = CONCAT(N'The scan ', v.scan_id, N' has ', LEN(v.piece) - LEN(REPLACE(v.piece, N',', N'')) + 1,
        N' features of the set ', p.part_feature_set_id, N' and pooling ', p.pooling, N', where the combined set ', @FeatureSetId,
        N' takes ', p.width, N'. Call GenerateFeatures with @Recompute = 1 for that pooling.')
    FROM #pieces AS v
    INNER JOIN dbo.feature_parts AS p ON p.feature_set_id = @FeatureSetId AND p.position = v.position
    WHERE LEN(v.piece) - LEN(REPLACE(v.piece, N',', N'')) + 1 <> p.width
    ORDER BY v.scan_id, p.position;
    IF @Message IS NOT NULL
        THROW 50110, @Message, 1;
    EXECUTE internal.ReadColumns @FeatureSetId;

    INSERT INTO #combined (scan_id, vector, vector_sha256)
    SELECT m.scan_id, m.vector, CASE WHEN m.is_sound = 1 THEN HASHBYTES('SHA2_256', CONVERT(VARBINARY(MAX), m.vector)) END
    FROM (
        SELECT scan_id, CONCAT(N'[', STRING_AGG(piece, N',') WITHIN GROUP (ORDER BY position), N']') AS vector,
            MIN(CAST(is_sound AS INT)) AS is_sound
        FROM #pieces
        GROUP BY scan_id
        HAVING COUNT(*) = @Parts) AS m;

    BEGIN TRANSACTION;
    -- First the scans, then their features, as StoreFeatures does: so they wait for each other here, and not crosswise.
    SET @Locked = (SELECT COUNT(*) FROM dbo.scans WITH (UPDLOCK, HOLDLOCK) WHERE scan_id IN (SELECT scan_id FROM #combine));
    DELETE f
    FROM dbo.pooled_features AS f
    INNER JOIN #combine AS c ON c.scan_id = f.scan_id
    WHERE f.feature_set_id = @FeatureSetId AND f.pooling = N'combined' AND f.scan_id NOT IN (SELECT scan_id FROM #combined);
    UPDATE f
    SET f.vector = m.vector, f.vector_sha256 = m.vector_sha256
    FROM dbo.pooled_features AS f
    INNER JOIN #combined AS m ON m.scan_id = f.scan_id
    WHERE f.feature_set_id = @FeatureSetId AND f.pooling = N'combined'
        AND (COALESCE(f.vector_sha256, 0x) <> COALESCE(m.vector_sha256, 0x)
            OR HASHBYTES('SHA2_256', CONVERT(VARBINARY(MAX), f.vector)) <> HASHBYTES('SHA2_256', CONVERT(VARBINARY(MAX), m.vector)));
    INSERT INTO dbo.pooled_features (scan_id, feature_set_id, pooling, vector, vector_sha256)
    SELECT m.scan_id, @FeatureSetId, N'combined', m.vector, m.vector_sha256
    FROM #combined AS m
    INNER JOIN dbo.scans AS s WITH (UPDLOCK, HOLDLOCK) ON s.scan_id = m.scan_id
    WHERE NOT EXISTS (
        SELECT 1 FROM dbo.pooled_features AS f WITH (UPDLOCK, HOLDLOCK)
        WHERE f.scan_id = m.scan_id AND f.feature_set_id = @FeatureSetId AND f.pooling = N'combined');
    COMMIT TRANSACTION;
END;
