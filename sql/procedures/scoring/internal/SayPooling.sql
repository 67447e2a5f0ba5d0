-- SayPooling: says which calls make a scan's vector of a pooling that is a network's, or of a later stage of nodules; NULL of another.
-- Called by PredictLungCancer.
CREATE OR ALTER PROCEDURE internal.SayPooling
    @Pooling NVARCHAR(32),          -- the pooling
    @FeatureSetId INT,              -- the features that are pooled
    @ScanId INT,                    -- the scan
    @Calls NVARCHAR(1000) OUTPUT    -- the calls
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    SET @Calls = (
        SELECT CONCAT(N'EXECUTE dbo.GenerateFeatures for the detector, and then EXECUTE dbo.ScoreNodules @ModelName = N''', n.name,
            N''' with the detector, and the stages before in @After, that the layer ''', f.layer, N''' names')
        FROM dbo.feature_sets AS f
        INNER JOIN dbo.networks AS n ON n.network_id = f.network_id
        WHERE f.feature_set_id = @FeatureSetId AND f.layer LIKE N'nodules:%');
    IF @Calls IS NOT NULL
        RETURN 0;
    SET @Calls = (
        SELECT CONCAT((
                SELECT CONCAT(N'EXECUTE dbo.GenerateFeatures @ModelName = N''', n.name, N''', @Layer = N''', f.layer,
                    N''', @Preprocessing = N''', f.preprocessing, N'''; and ')
                FROM dbo.feature_sets AS f
                INNER JOIN dbo.networks AS n ON n.network_id = f.network_id
                WHERE f.feature_set_id = @FeatureSetId AND NOT EXISTS (
                    SELECT 1 FROM dbo.features AS r WHERE r.feature_set_id = f.feature_set_id AND r.scan_id = @ScanId)),
            N'EXECUTE dbo.PoolFeatures @ModelName = N''', p.name, N''', @Version = ', p.version, N', @FeatureSetId = ', @FeatureSetId)
        FROM dbo.poolings AS k
        INNER JOIN dbo.networks AS p ON p.network_id = k.network_id
        WHERE k.pooling = @Pooling);
END;
