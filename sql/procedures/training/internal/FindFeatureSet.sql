-- FindFeatureSet: finds the feature set to train on: of those that fit what is asked for the one of the version that the name serves, else
-- one of the setting default_network, else of the only network. It never takes the newest of several networks, layers or preprocessings.
-- Called by ChooseFeatures, TrainBestTrial, TakeSpace and InspectDataset.
CREATE OR ALTER PROCEDURE internal.FindFeatureSet
    @ModelName NVARCHAR(128),       -- name of the model to train
    @NetworkName NVARCHAR(128),     -- network, or NULL
    @Layer NVARCHAR(256),           -- layer, or NULL
    @Preprocessing NVARCHAR(32),    -- preprocessing, or NULL
    @Pooling NVARCHAR(32) OUTPUT,   -- pooling; NULL comes back as that of the served version, else mean, else the only one
    @FeatureSetId INT OUTPUT,       -- the feature set found
    @MayFail BIT = 0                -- 1 leaves it NULL where none or several fit, in place of a refusal
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Default NVARCHAR(400), @Served INT, @ServedPooling NVARCHAR(32), @Why NVARCHAR(400),
        @Some NVARCHAR(800);
    DECLARE @Asked NVARCHAR(1000) = CONCAT(N'pooling ', COALESCE(N'''' + @Pooling + N'''', N'any'), N', network ',
        COALESCE(N'''' + @NetworkName + N'''', N'any'), N', layer ', COALESCE(N'''' + @Layer + N'''', N'any'),
        N', preprocessing ', COALESCE(N'''' + @Preprocessing + N'''', N'any'));
    CREATE TABLE #fitting (
        feature_set_id INT NOT NULL, pooling NVARCHAR(32) COLLATE DATABASE_DEFAULT NOT NULL,
        network NVARCHAR(128) COLLATE DATABASE_DEFAULT NULL, version INT NULL, layer NVARCHAR(256) COLLATE DATABASE_DEFAULT NOT NULL,
        preprocessing NVARCHAR(32) COLLATE DATABASE_DEFAULT NOT NULL, PRIMARY KEY (feature_set_id, pooling));

    SELECT @Served = c.feature_set_id, @ServedPooling = c.pooling,
        @Why = CONCAT(N'those of version ', s.version, N', which ', s.name, N' serves')
    FROM dbo.served_models AS s
    INNER JOIN dbo.classifiers AS c ON c.classifier_id = s.classifier_id
    WHERE s.name = @ModelName;
    INSERT INTO #fitting (feature_set_id, pooling, network, version, layer, preprocessing)
    SELECT fs.feature_set_id, p.pooling, n.name, n.version, fs.layer, fs.preprocessing
    FROM dbo.feature_sets AS fs
    LEFT JOIN dbo.networks AS n ON n.network_id = fs.network_id
    INNER JOIN (SELECT DISTINCT feature_set_id, pooling FROM dbo.pooled_features) AS p ON p.feature_set_id = fs.feature_set_id
    WHERE (@NetworkName IS NULL OR n.name = @NetworkName)
        AND (@Layer IS NULL OR fs.layer = @Layer)
        AND (@Preprocessing IS NULL OR fs.preprocessing = @Preprocessing)
        AND (@Pooling IS NULL OR p.pooling = @Pooling)
        -- Combined sets are asked for by their name.
        AND (fs.network_id IS NOT NULL OR fs.feature_set_id = @Served OR @Layer IS NOT NULL)
    OPTION (RECOMPILE);

    IF EXISTS (SELECT 1 FROM #fitting WHERE feature_set_id = @Served AND pooling = COALESCE(@Pooling, @ServedPooling))
        DELETE FROM #fitting WHERE feature_set_id <> @Served OR pooling <> COALESCE(@Pooling, @ServedPooling);
    ELSE
    BEGIN
        SET @Default = NULLIF((SELECT value FROM dbo.settings WHERE name = N'default_network'), N'');
        SET @Why = CASE WHEN @NetworkName IS NOT NULL THEN N'as asked for'
            WHEN @Default IS NOT NULL THEN N'of the network that the setting default_network names'
            ELSE N'of the only network that fits' END;
        IF @NetworkName IS NULL AND @Default IS NOT NULL AND @Layer IS NULL
            DELETE FROM #fitting WHERE COALESCE(network, N'') <> @Default;
        IF @NetworkName IS NULL AND @Default IS NOT NULL AND @Layer IS NOT NULL
            DELETE FROM #fitting WHERE network <> @Default;
        -- Of a network's versions the newest that fits; then what GenerateFeatures makes unless told otherwise.
        DELETE f FROM #fitting AS f WHERE EXISTS (SELECT 1 FROM #fitting AS o WHERE o.network = f.network AND o.version > f.version);
        DELETE f
        FROM #fitting AS f
        WHERE f.layer <> N'penultimate' AND EXISTS (
            SELECT 1 FROM #fitting AS o WHERE o.network = f.network AND o.layer = N'penultimate');
        DELETE f
        FROM #fitting AS f
        WHERE f.preprocessing <> N'lung' AND EXISTS (
            SELECT 1 FROM #fitting AS o WHERE o.network = f.network AND o.layer = f.layer AND o.preprocessing = N'lung');
        DELETE f
        FROM #fitting AS f
        WHERE f.pooling <> N'mean' AND EXISTS (
            SELECT 1 FROM #fitting AS o WHERE o.feature_set_id = f.feature_set_id AND o.pooling = N'mean');
    END;

    IF @MayFail = 1 AND (SELECT COUNT(*) FROM #fitting) <> 1
        RETURN 0;
    IF NOT EXISTS (SELECT 1 FROM #fitting)
    BEGIN
        SET @Message = REPLACE(CONCAT(N'There are no features of ', @Asked,
            N', and the setting default_network names ''' + IIF(@NetworkName IS NULL, @Default, NULL) + N'''',
            N'. Call GenerateFeatures with this pooling first (PoolFeatures for one that is a network''s), or ask for another.'),
            N'%', N'%%');
        THROW 50117, @Message, 1;
    END;
    IF (SELECT COUNT(*) FROM #fitting) > 1
    BEGIN
        SET @Some = LEFT((
            SELECT STRING_AGG(CAST(CONCAT(COALESCE(N'network ' + f.network, N'combined'), N', layer ', f.layer, N', preprocessing ',
                f.preprocessing, N', pooling ', f.pooling) AS NVARCHAR(MAX)), N'; ') WITHIN GROUP (ORDER BY f.feature_set_id, f.pooling)
            FROM #fitting AS f), 800);
        SET @Message = REPLACE(CONCAT(N'Several kinds of features fit ', @Asked, N': ', @Some,
            N'. Name one with @NetworkName, @Layer, @Preprocessing and @Pooling, or put the name of a network into the setting ',
            N'default_network: UPDATE dbo.settings SET value = N''…'' WHERE name = N''default_network'';'), N'%', N'%%');
        THROW 50281, @Message, 1;
    END;

    SELECT @FeatureSetId = feature_set_id, @Pooling = pooling, @Message = CONCAT(N'Features: set ', feature_set_id,
        N', network ' + network + N' version ' + CAST(version AS NVARCHAR(12)), N', layer ', layer, N', preprocessing ', preprocessing,
        N', pooling ', pooling, N'; ', @Why, N'.')
    FROM #fitting;
    RAISERROR(N'%s', 0, 1, @Message) WITH NOWAIT;
END;
