-- FindMatrices: fills #matrices with the feature sets and poolings that a search may try, and counts their training patients.
-- Called by SearchModels, whose tables #matrices and #patients it fills.
CREATE OR ALTER PROCEDURE internal.FindMatrices
    @NetworkName NVARCHAR(128),   -- network, or NULL for any
    @Layers NVARCHAR(MAX),        -- layers with commas between, or NULL for all
    @Preprocessing NVARCHAR(32),  -- preprocessing, or NULL for any
    @Poolings NVARCHAR(400),      -- poolings with commas between, or NULL for all
    @SkipMissing BIT              -- 1 leaves out labelled patients without features
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Lacking NVARCHAR(1000), @FeatureSetId INT, @Pooling NVARCHAR(32);

    -- TrainLungCancerModel takes the newest of a name, layer and preprocessing, so older ones are not tried.
    INSERT INTO #matrices (feature_set_id, pooling, network_name, layer)
    SELECT MAX(fs.feature_set_id), p.pooling, n.name, fs.layer
    FROM dbo.feature_sets AS fs
    INNER JOIN dbo.networks AS n ON n.network_id = fs.network_id
    INNER JOIN (SELECT DISTINCT feature_set_id, pooling FROM dbo.pooled_features) AS p ON p.feature_set_id = fs.feature_set_id
    WHERE (@NetworkName IS NULL OR n.name = @NetworkName)
        AND (@Layers IS NULL OR fs.layer IN (SELECT LTRIM(RTRIM(value)) FROM STRING_SPLIT(@Layers, N',')))
        AND (@Preprocessing IS NULL OR fs.preprocessing = @Preprocessing)
        AND (@Poolings IS NULL OR p.pooling IN (SELECT LTRIM(RTRIM(value)) FROM STRING_SPLIT(@Poolings, N',')))
    GROUP BY n.name, fs.layer, fs.preprocessing, p.pooling
    OPTION (RECOMPILE);

    SET @Lacking = (
        SELECT STRING_AGG(a.item, N', ') WITHIN GROUP (ORDER BY a.item)
        FROM (
            SELECT CONCAT(N'pooling ''', LTRIM(RTRIM(value)), N'''') AS item
            FROM STRING_SPLIT(@Poolings, N',')
            WHERE LTRIM(RTRIM(value)) NOT IN (SELECT pooling FROM #matrices)
            UNION
            SELECT CONCAT(N'layer ''', LTRIM(RTRIM(value)), N'''')
            FROM STRING_SPLIT(@Layers, N',')
            WHERE LTRIM(RTRIM(value)) NOT IN (SELECT layer FROM #matrices)
        ) AS a);
    IF @Lacking IS NOT NULL OR NOT EXISTS (SELECT 1 FROM #matrices)
    BEGIN
        SET @Message = CONCAT(N'There are no features of ', COALESCE(@Lacking, N'any pooling and layer'), N' with network ',
            COALESCE(N'''' + @NetworkName + N'''', N'any'), N' and preprocessing ', COALESCE(N'''' + @Preprocessing + N'''', N'any'),
            N'. Call GenerateFeatures first, or ask for others.');
        SET @Message = REPLACE(@Message, N'%', N'%%');
        THROW 50117, @Message, 1;
    END;

    UPDATE m
    SET m.matrix = (
        SELECT COUNT(*) FROM #matrices AS b
        WHERE b.feature_set_id < m.feature_set_id OR (b.feature_set_id = m.feature_set_id AND b.pooling <= m.pooling))
    FROM #matrices AS m;
    WHILE EXISTS (SELECT 1 FROM #matrices WHERE positives IS NULL)
    BEGIN
        SELECT TOP (1) @FeatureSetId = feature_set_id, @Pooling = pooling
        FROM #matrices
        WHERE positives IS NULL
        ORDER BY feature_set_id, pooling;
        DELETE FROM #patients;
        EXECUTE internal.TakeTrainingPatients @FeatureSetId, @Pooling, @SkipMissing;
        UPDATE #matrices
        SET negatives = (SELECT COUNT(*) FROM #patients WHERE part = 'train' AND label = 0),
            positives = (SELECT COUNT(*) FROM #patients WHERE part = 'train' AND label = 1)
        WHERE feature_set_id = @FeatureSetId AND pooling = @Pooling;
    END;
END;
