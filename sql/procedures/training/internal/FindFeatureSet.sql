-- FindFeatureSet: finds the newest feature set that fits and has features of the pooling asked for.
-- Called by TrainModel.
CREATE OR ALTER PROCEDURE internal.FindFeatureSet
    @NetworkName NVARCHAR(128),     -- network, or NULL for any
    @Layer NVARCHAR(256),           -- layer, or NULL for any
    @Preprocessing NVARCHAR(32),    -- preprocessing, or NULL for any
    @Pooling NVARCHAR(32),          -- pooling
    @FeatureSetId INT OUTPUT        -- the feature set found
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Fitting INT, @Name NVARCHAR(128);
    CREATE TABLE #fitting (feature_set_id INT NOT NULL PRIMARY KEY);

    INSERT INTO #fitting (feature_set_id)
    SELECT fs.feature_set_id
    FROM dbo.feature_sets AS fs
    INNER JOIN dbo.networks AS n ON n.network_id = fs.network_id
    WHERE (@NetworkName IS NULL OR n.name = @NetworkName)
        AND (@Layer IS NULL OR fs.layer = @Layer)
        AND (@Preprocessing IS NULL OR fs.preprocessing = @Preprocessing)
        AND EXISTS (SELECT 1 FROM dbo.pooled_features AS p WHERE p.feature_set_id = fs.feature_set_id AND p.pooling = @Pooling)
    OPTION (RECOMPILE);

    SET @Fitting = (SELECT COUNT(*) FROM #fitting);
    SET @FeatureSetId = (SELECT MAX(feature_set_id) FROM #fitting);
    IF @FeatureSetId IS NULL
    BEGIN
        SET @Message = CONCAT(N'There are no features of pooling ', COALESCE(N'''' + @Pooling + N'''', N'NULL'),
            N', network ', COALESCE(N'''' + @NetworkName + N'''', N'any'), N', layer ', COALESCE(N'''' + @Layer + N'''', N'any'),
            N', preprocessing ', COALESCE(N'''' + @Preprocessing + N'''', N'any'),
            N'. Call GenerateFeatures with this pooling first, or ask for another.');
        SET @Message = REPLACE(@Message, N'%', N'%%');
        THROW 50117, @Message, 1;
    END;

    SELECT @Name = n.name, @Layer = fs.layer, @Preprocessing = fs.preprocessing
    FROM dbo.feature_sets AS fs
    INNER JOIN dbo.networks AS n ON n.network_id = fs.network_id
    WHERE fs.feature_set_id = @FeatureSetId;
    RAISERROR(N'Features: set %d (the newest of %d that fit), network %s, layer %s, preprocessing %s, pooling %s.', 0, 1,
        @FeatureSetId, @Fitting, @Name, @Layer, @Preprocessing, @Pooling) WITH NOWAIT;
END;
