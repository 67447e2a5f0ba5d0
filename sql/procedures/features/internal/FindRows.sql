-- FindRows: finds the feature set whose rows are to be pooled: of those that fit what is asked for the one of the setting default_network,
-- else of the only network, and what GenerateFeatures makes unless told otherwise; it never takes the newest of several networks.
-- Called by PoolFeatures.
CREATE OR ALTER PROCEDURE internal.FindRows
    @NetworkName NVARCHAR(128),     -- network, or NULL
    @Layer NVARCHAR(256),           -- layer, or NULL
    @Preprocessing NVARCHAR(32),    -- preprocessing, or NULL
    @FeatureSetId INT OUTPUT        -- the feature set; one that is given is taken
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Number INT, @Some NVARCHAR(800), @Given INT = @FeatureSetId;
    DECLARE @Default NVARCHAR(400) = NULLIF((SELECT value FROM dbo.settings WHERE name = N'default_network'), N'');
    DECLARE @Asked NVARCHAR(1000) = CONCAT(N'network ', COALESCE(N'''' + @NetworkName + N'''', N'any'), N', layer ',
        COALESCE(N'''' + @Layer + N'''', N'any'), N', preprocessing ', COALESCE(N'''' + @Preprocessing + N'''', N'any'),
        N', feature set ' + CAST(@FeatureSetId AS NVARCHAR(12)));
    CREATE TABLE #fitting (
        feature_set_id INT NOT NULL PRIMARY KEY, network NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL, version INT NOT NULL,
        layer NVARCHAR(256) COLLATE DATABASE_DEFAULT NOT NULL, preprocessing NVARCHAR(32) COLLATE DATABASE_DEFAULT NOT NULL);
    INSERT INTO #fitting (feature_set_id, network, version, layer, preprocessing)
    SELECT f.feature_set_id, n.name, n.version, f.layer, f.preprocessing
    FROM dbo.feature_sets AS f
    INNER JOIN dbo.networks AS n ON n.network_id = f.network_id
    WHERE (@NetworkName IS NULL OR n.name = @NetworkName) AND (@Layer IS NULL OR f.layer = @Layer)
        AND (@Preprocessing IS NULL OR f.preprocessing = @Preprocessing) AND (@Given IS NULL OR f.feature_set_id = @Given)
        AND EXISTS (SELECT 1 FROM dbo.features AS r WHERE r.feature_set_id = f.feature_set_id)
    OPTION (RECOMPILE);
    IF @NetworkName IS NULL AND EXISTS (SELECT 1 FROM #fitting WHERE network = @Default)
        DELETE FROM #fitting WHERE network <> @Default;
    DELETE f FROM #fitting AS f WHERE EXISTS (SELECT 1 FROM #fitting AS o WHERE o.network = f.network AND o.version > f.version);
    DELETE f
    FROM #fitting AS f
    WHERE f.layer <> N'penultimate' AND EXISTS (SELECT 1 FROM #fitting AS o WHERE o.network = f.network AND o.layer = N'penultimate');
    DELETE f
    FROM #fitting AS f
    WHERE f.preprocessing <> N'lung' AND EXISTS (
        SELECT 1 FROM #fitting AS o WHERE o.network = f.network AND o.layer = f.layer AND o.preprocessing = N'lung');

    IF NOT EXISTS (SELECT 1 FROM #fitting)
        SELECT @Number = 50117, @Message = CONCAT(N'There are no features of scans of ', @Asked,
            N'. Call GenerateFeatures first, or ask for others; see dbo.feature_sets.');
    ELSE IF (SELECT COUNT(*) FROM #fitting) > 1
    BEGIN
        SET @Some = LEFT((
            SELECT STRING_AGG(CAST(CONCAT(f.network, N'/', f.layer, N'/', f.preprocessing) AS NVARCHAR(MAX)), N', ')
                WITHIN GROUP (ORDER BY f.feature_set_id)
            FROM #fitting AS f), 800);
        SELECT @Number = 50281, @Message = CONCAT(N'Several kinds of features fit ', @Asked, N': ', @Some,
            N'. Name one with @NetworkName, @Layer and @Preprocessing.');
    END;
    IF @Number IS NOT NULL
    BEGIN
        SET @Message = REPLACE(@Message, N'%', N'%%');
        THROW @Number, @Message, 1;
    END;
    SET @FeatureSetId = (SELECT feature_set_id FROM #fitting);
END;
