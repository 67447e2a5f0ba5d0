-- FindSingleMatrices: fills #matrices with the feature sets of one network, and the poolings, that a search may try.
-- Called by FindMatrices, whose table #matrices it fills.
CREATE OR ALTER PROCEDURE internal.FindSingleMatrices
    @ModelName NVARCHAR(128),     -- name to store the best model under
    @NetworkName NVARCHAR(128),   -- network, or NULL for that of the version served, else of default_network, else the only one
    @Layers NVARCHAR(MAX),        -- layers with commas between, or NULL for all
    @Preprocessing NVARCHAR(32),  -- preprocessing, or NULL for any
    @Poolings NVARCHAR(400)       -- poolings with commas between, or NULL for all
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Lacking NVARCHAR(1000), @Served INT, @Names NVARCHAR(800);
    SET @Served = (
        SELECT c.feature_set_id
        FROM dbo.served_models AS s
        INNER JOIN dbo.classifiers AS c ON c.classifier_id = s.classifier_id
        WHERE s.name = @ModelName);
    IF @NetworkName IS NULL
        SET @NetworkName = COALESCE(
            (SELECT n.name FROM dbo.feature_sets AS fs INNER JOIN dbo.networks AS n ON n.network_id = fs.network_id
                WHERE fs.feature_set_id = @Served
                    AND EXISTS (SELECT 1 FROM dbo.pooled_features AS p WHERE p.feature_set_id = fs.feature_set_id)),
            NULLIF((SELECT value FROM dbo.settings WHERE name = N'default_network'), N''));

    -- Of a name, layer and preprocessing FindFeatureSet takes the set of the version served, else that of the network's newest version.
    INSERT INTO #matrices (feature_set_id, pooling, network_name, layer)
    SELECT COALESCE(MAX(IIF(fs.feature_set_id = @Served, @Served, NULL)), MAX(fs.feature_set_id)), p.pooling, n.name, fs.layer
    FROM dbo.feature_sets AS fs
    INNER JOIN dbo.networks AS n ON n.network_id = fs.network_id
    INNER JOIN (SELECT DISTINCT feature_set_id, pooling FROM dbo.pooled_features) AS p ON p.feature_set_id = fs.feature_set_id
    WHERE (@NetworkName IS NULL OR n.name = @NetworkName)
        AND (@Layers IS NULL OR fs.layer IN (SELECT LTRIM(RTRIM(value)) FROM STRING_SPLIT(@Layers, N',')))
        AND (@Preprocessing IS NULL OR fs.preprocessing = @Preprocessing)
        AND (@Poolings IS NULL OR p.pooling IN (SELECT LTRIM(RTRIM(value)) FROM STRING_SPLIT(@Poolings, N',')))
        AND (fs.feature_set_id = @Served OR NOT EXISTS (
            SELECT 1
            FROM dbo.networks AS o
            INNER JOIN dbo.feature_sets AS g ON g.network_id = o.network_id
            INNER JOIN dbo.pooled_features AS q ON q.feature_set_id = g.feature_set_id AND q.pooling = p.pooling
            WHERE o.name = n.name AND o.version > n.version AND g.layer = fs.layer AND g.preprocessing = fs.preprocessing))
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
    IF (SELECT COUNT(DISTINCT network_name) FROM #matrices) > 1
    BEGIN
        SET @Names = LEFT((
            SELECT STRING_AGG(CAST(m.network_name AS NVARCHAR(MAX)), N', ') WITHIN GROUP (ORDER BY m.network_name)
            FROM (SELECT DISTINCT network_name FROM #matrices) AS m), 800);
        SET @Message = REPLACE(CONCAT(N'There are features of several networks: ', @Names,
            N'. Name one with @NetworkName, or in the setting default_network: UPDATE dbo.settings SET value = N''…'' ',
            N'WHERE name = N''default_network'';'), N'%', N'%%');
        THROW 50281, @Message, 1;
    END;

    -- A pooling that one layer has and another has not is tried where it is.
    SELECT @Message = N'Not tried, because there are no such features: ' + LEFT(STRING_AGG(CAST(CONCAT(N'layer ''', a.layer, N''', ',
        a.preprocessing, N', pooling ''', a.pooling, N'''') AS NVARCHAR(MAX)), N'; ') WITHIN GROUP (ORDER BY a.layer, a.pooling), 1500)
    FROM (
        SELECT DISTINCT fs.layer, fs.preprocessing, LTRIM(RTRIM(v.value)) AS pooling
        FROM dbo.feature_sets AS fs
        INNER JOIN dbo.networks AS n ON n.network_id = fs.network_id
        CROSS JOIN STRING_SPLIT(@Poolings, N',') AS v
        WHERE n.name IN (SELECT network_name FROM #matrices)
            AND (@Layers IS NULL OR fs.layer IN (SELECT LTRIM(RTRIM(value)) FROM STRING_SPLIT(@Layers, N',')))
            AND (@Preprocessing IS NULL OR fs.preprocessing = @Preprocessing)
            AND EXISTS (SELECT 1 FROM dbo.pooled_features AS p WHERE p.feature_set_id = fs.feature_set_id)) AS a
    WHERE NOT EXISTS (
        SELECT 1
        FROM #matrices AS m
        INNER JOIN dbo.feature_sets AS f ON f.feature_set_id = m.feature_set_id
        WHERE f.layer = a.layer AND f.preprocessing = a.preprocessing AND m.pooling = a.pooling)
    OPTION (RECOMPILE);
    IF @Message IS NOT NULL
        RAISERROR(N'%s', 0, 1, @Message) WITH NOWAIT;
END;
