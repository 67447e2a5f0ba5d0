-- StartPooling: refuses features that the network does not read, fills #todo with the scans whose vectors are to be made, and begins
-- the run.
-- Called by PoolFeatures, whose table #todo it fills.
CREATE OR ALTER PROCEDURE internal.StartPooling
    @NetworkId INT,           -- the network that pools
    @Pooling NVARCHAR(32),    -- what the pooling is called
    @FeatureSetId INT,        -- the features
    @DatasetVersionId INT,    -- version of a data set to stay within, or NULL for all scans
    @Recompute BIT,           -- 1 takes every scan
    @RunId INT OUTPUT,        -- row of dbo.runs
    @Total INT OUTPUT         -- scans to do
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Given NVARCHAR(4000), @Reads INT, @Width INT, @Name NVARCHAR(600), @Apart INT;
    SET @Reads = (SELECT TRY_CAST(JSON_VALUE(details, N'$.input.width') AS INT) FROM dbo.networks WHERE network_id = @NetworkId);
    SELECT @Width = f.width, @Name = CONCAT(n.name, N'/', f.layer, N'/', f.preprocessing)
    FROM dbo.feature_sets AS f
    INNER JOIN dbo.networks AS n ON n.network_id = f.network_id
    WHERE f.feature_set_id = @FeatureSetId;
    IF @Reads IS NULL OR @Reads <> @Width
    BEGIN
        SET @Message = REPLACE(CONCAT(N'The pooling ''', @Pooling, N''' reads rows of ', COALESCE(CAST(@Reads AS NVARCHAR(12)), N'unknown'),
            N' features, and those of ', @Name, N' have ', @Width, N'. Name other features, or load a network that was trained on these.'),
            N'%', N'%%');
        THROW 50110, @Message, 1;
    END;

    -- A copy of a model brings features without their array.
    INSERT INTO #todo (scan_id, bytes)
    SELECT f.scan_id, DATALENGTH(f.array)
    FROM dbo.features AS f
    WHERE f.feature_set_id = @FeatureSetId AND DATALENGTH(f.array) > 0
        AND (@DatasetVersionId IS NULL OR f.scan_id IN (
            SELECT m.scan_id FROM dbo.dataset_members AS m WHERE m.dataset_version_id = @DatasetVersionId))
        AND (@Recompute = 1 OR NOT EXISTS (
            SELECT 1 FROM dbo.pooled_features AS p
            WHERE p.scan_id = f.scan_id AND p.feature_set_id = @FeatureSetId AND p.pooling = @Pooling AND p.vector_sha256 IS NOT NULL))
    OPTION (RECOMPILE);
    SET @Total = (SELECT COUNT(*) FROM #todo);
    SELECT @Apart = COUNT(*)
    FROM dbo.scans AS s
    WHERE (@DatasetVersionId IS NULL OR s.scan_id IN (
            SELECT m.scan_id FROM dbo.dataset_members AS m WHERE m.dataset_version_id = @DatasetVersionId))
        AND NOT EXISTS (
            SELECT 1 FROM dbo.features AS f
            WHERE f.scan_id = s.scan_id AND f.feature_set_id = @FeatureSetId AND DATALENGTH(f.array) > 0)
    OPTION (RECOMPILE);
    SET @Given = JSON_MODIFY(JSON_MODIFY(JSON_MODIFY(N'{}', N'$.pooling', @Pooling), N'$.features', @Name), N'$.recompute', @Recompute);
    EXECUTE internal.StartRun N'PoolFeatures', @RunId OUTPUT, @Given;
    SET @Message = CONCAT(@Name, N', pooling ', @Pooling, N': ', @Total, N' scans to do.', N' ' + CAST(NULLIF(@Apart, 0) AS NVARCHAR(12))
        + N' scans are left out, because they have no features of this kind: GenerateFeatures makes them.');
    EXECUTE internal.ReportStep @RunId, @Message, 0, @Total;
END;
