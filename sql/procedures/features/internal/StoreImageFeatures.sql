-- StoreImageFeatures: stores the pictures in #result that did not fail; runs inside the caller's transaction.
-- Called by FeaturizeImages, whose table #result it reads.
CREATE OR ALTER PROCEDURE internal.StoreImageFeatures
    @NetworkId INT                -- the network that made them
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    INSERT INTO dbo.feature_sets (network_id, layer, preprocessing, width)
    SELECT DISTINCT @NetworkId, r.layer, N'image', r.array_cols
    FROM #result AS r
    WHERE r.error = N'' AND NOT EXISTS (
        SELECT 1 FROM dbo.feature_sets AS s WITH (UPDLOCK, HOLDLOCK)
        WHERE s.network_id = @NetworkId AND s.layer = r.layer AND s.preprocessing = N'image');

    DELETE f
    FROM dbo.image_features AS f
    INNER JOIN dbo.feature_sets AS s ON s.feature_set_id = f.feature_set_id
    INNER JOIN #result AS r ON r.name = f.name AND r.layer = s.layer
    WHERE s.network_id = @NetworkId AND s.preprocessing = N'image' AND r.error = N'';

    INSERT INTO dbo.image_features (name, feature_set_id, array_rows, array_cols, array, sha256)
    SELECT r.name, s.feature_set_id, r.array_rows, r.array_cols,
        CONVERT(VARBINARY(MAX), r.array, 2), CONVERT(VARBINARY(32), r.sha256, 2)
    FROM #result AS r
    INNER JOIN dbo.feature_sets AS s ON s.network_id = @NetworkId AND s.layer = r.layer AND s.preprocessing = N'image'
    WHERE r.error = N'';
END;
