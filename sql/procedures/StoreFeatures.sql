-- StoreFeatures: stores the scans in #result that did not fail; runs inside the caller's transaction.
-- Called by GenerateFeatures, whose table #result it reads.
CREATE OR ALTER PROCEDURE dbo.StoreFeatures
    @NetworkId INT,               -- the network that made them
    @Layer NVARCHAR(256),         -- its layer
    @Preprocessing NVARCHAR(32),  -- lung or seed
    @Pooling NVARCHAR(128),       -- the poolings that were made, with commas
    @Width INT,                   -- features of one triple of slices
    @Recompute BIT,               -- 1 removes poolings of older runs too
    @FeatureSetId INT OUTPUT      -- the feature set, made when NULL and there is something to store
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF NOT EXISTS (SELECT 1 FROM #result WHERE error = N'')
        RETURN 0;

    IF @FeatureSetId IS NULL
    BEGIN
        INSERT INTO dbo.feature_sets (network_id, layer, preprocessing, width)
        SELECT @NetworkId, @Layer, @Preprocessing, @Width
        WHERE NOT EXISTS (
            SELECT 1 FROM dbo.feature_sets WITH (UPDLOCK, HOLDLOCK)
            WHERE network_id = @NetworkId AND layer = @Layer AND preprocessing = @Preprocessing);
        SET @FeatureSetId = (
            SELECT feature_set_id FROM dbo.feature_sets
            WHERE network_id = @NetworkId AND layer = @Layer AND preprocessing = @Preprocessing);
    END;

    DELETE p
    FROM dbo.pooled_features AS p
    INNER JOIN #result AS r ON r.scan_id = p.scan_id
    WHERE p.feature_set_id = @FeatureSetId AND r.error = N''
        AND (@Recompute = 1 OR p.pooling IN (SELECT value FROM STRING_SPLIT(@Pooling, N',')));

    UPDATE f
    SET f.array_rows = r.array_rows,
        f.array_cols = r.array_cols,
        f.array = CONVERT(VARBINARY(MAX), r.array, 2),
        f.sha256 = CONVERT(VARBINARY(32), r.sha256, 2)
    FROM dbo.features AS f
    INNER JOIN #result AS r ON r.scan_id = f.scan_id
    WHERE f.feature_set_id = @FeatureSetId AND r.error = N'';

    INSERT INTO dbo.features (scan_id, feature_set_id, array_rows, array_cols, array, sha256)
    SELECT r.scan_id, @FeatureSetId, r.array_rows, r.array_cols,
        CONVERT(VARBINARY(MAX), r.array, 2), CONVERT(VARBINARY(32), r.sha256, 2)
    FROM #result AS r
    WHERE r.error = N'' AND NOT EXISTS (
        SELECT 1 FROM dbo.features AS f WHERE f.scan_id = r.scan_id AND f.feature_set_id = @FeatureSetId);

    INSERT INTO dbo.pooled_features (scan_id, feature_set_id, pooling, vector)
    SELECT r.scan_id, @FeatureSetId, v.[key], v.[value]
    FROM #result AS r
    CROSS APPLY OPENJSON(r.pooled) AS v
    WHERE r.error = N'';
END;
