-- FindImageFeatures: finds the feature set of pictures that a network and a layer mean, and says which it is.
-- Called by TrainImageClassifier and SimilarImages.
CREATE OR ALTER PROCEDURE internal.FindImageFeatures
    @NetworkName NVARCHAR(128),  -- network, its newest version with features of pictures; NULL where one alone has such
    @Layer NVARCHAR(256),        -- layer; NULL where the network has features of one layer
    @FeatureSetId INT OUTPUT     -- the feature set found
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Number INT, @Fitting INT, @Name NVARCHAR(128), @Some NVARCHAR(1000);
    CREATE TABLE #fitting (feature_set_id INT NOT NULL PRIMARY KEY, network NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL,
        layer NVARCHAR(256) COLLATE DATABASE_DEFAULT NOT NULL);
    INSERT INTO #fitting (feature_set_id, network, layer)
    SELECT s.feature_set_id, n.name, s.layer
    FROM dbo.feature_sets AS s
    INNER JOIN dbo.networks AS n ON n.network_id = s.network_id
    WHERE s.preprocessing = N'image' AND (@NetworkName IS NULL OR n.name = @NetworkName) AND (@Layer IS NULL OR s.layer = @Layer)
        AND EXISTS (SELECT 1 FROM dbo.image_features AS f WHERE f.feature_set_id = s.feature_set_id)
        AND NOT EXISTS (
            SELECT 1
            FROM dbo.networks AS newer
            INNER JOIN dbo.feature_sets AS t ON t.network_id = newer.network_id AND t.preprocessing = N'image' AND t.layer = s.layer
            WHERE newer.name = n.name AND newer.version > n.version
                AND EXISTS (SELECT 1 FROM dbo.image_features AS g WHERE g.feature_set_id = t.feature_set_id))
    OPTION (RECOMPILE);

    SET @Fitting = (SELECT COUNT(*) FROM #fitting);
    IF @Fitting > 1 AND @NetworkName IS NULL
        DELETE FROM #fitting
        WHERE EXISTS (SELECT 1 FROM dbo.settings AS s INNER JOIN #fitting AS f ON f.network = s.value WHERE s.name = N'default_network')
            AND network <> (SELECT value FROM dbo.settings WHERE name = N'default_network');
    SET @Fitting = (SELECT COUNT(*) FROM #fitting);
    SET @Some = LEFT((
        SELECT STRING_AGG(CAST(CONCAT(N'network ', f.network, N' layer ', f.layer) AS NVARCHAR(MAX)), N'; ') FROM #fitting AS f), 1000);
    IF @Fitting = 0
        SELECT @Number = 50117, @Message = CONCAT(N'There are no features of pictures by network ',
            COALESCE(N'''' + @NetworkName + N'''', N'any'), N', layer ', COALESCE(N'''' + @Layer + N'''', N'any'),
            N'. Call FeaturizeImages first, or ask for others.');
    IF @Fitting > 1
        SELECT @Number = 50281, @Message = CONCAT(@Fitting, N' kinds of features of pictures fit: ', @Some,
            N'. Name one with @NetworkName and @Layer, or a network in the setting default_network.');
    IF @Number IS NOT NULL
    BEGIN
        SET @Message = REPLACE(@Message, N'%', N'%%');
        THROW @Number, @Message, 1;
    END;
    SELECT @FeatureSetId = feature_set_id, @Name = network, @Layer = layer FROM #fitting;
    RAISERROR(N'Features: set %d, network %s, layer %s, of pictures.', 0, 1, @FeatureSetId, @Name, @Layer) WITH NOWAIT;
END;
