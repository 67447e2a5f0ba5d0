-- DeleteFeatures: deletes features and the feature sets that they are of, unless a model, a search or a combined set refers to them.
-- Example: EXECUTE dbo.DeleteFeatures @NetworkName = N'demo_resnet', @Layer = N'layer3', @DryRun = 1;
CREATE OR ALTER PROCEDURE dbo.DeleteFeatures
    @FeatureSetId INT = NULL,            -- feature_set_id of dbo.feature_sets
    @NetworkName NVARCHAR(128) = NULL,   -- network of the features, all its versions
    @Layer NVARCHAR(256) = NULL,         -- their layer, or the name of a combined set
    @Preprocessing NVARCHAR(32) = NULL,  -- their preprocessing; image are those of pictures, combined the combined sets
    @Pooling NVARCHAR(32) = NULL,        -- deletes the vectors of this pooling only
    @DryRun BIT = 0,                     -- 1 says what would be deleted and deletes nothing
    @Help BIT = 0                        -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.DeleteFeatures deletes every feature set that all arguments given fit, with its arrays and vectors, and of a detector
the nodules that it found, of a later stage its scores with the last of its sets; or with @Pooling its vectors of that pooling alone.
It returns a row for each table: table_name, deleted. It refuses, and deletes nothing, while a model of scans or pictures, a trial of
a search that has not failed, or a combined feature set reads what would go; EndSearch ends a search.
Trials of failed searches go with their features. All goes in one transaction.
Parameters:
    @FeatureSetId INT = NULL            feature_set_id of dbo.feature_sets
    @NetworkName NVARCHAR(128) = NULL   network of the features, all its versions
    @Layer NVARCHAR(256) = NULL         their layer, or the name of a combined set
    @Preprocessing NVARCHAR(32) = NULL  their preprocessing; image are those of pictures, combined the combined sets
    @Pooling NVARCHAR(32) = NULL        deletes the vectors of this pooling only
    @DryRun BIT = 0                     1 says what would be deleted and deletes nothing
    @Help BIT = 0                       1 prints this help and does nothing else
Example:
    EXECUTE dbo.DeleteFeatures @NetworkName = N''demo_resnet'', @Layer = N''layer3'', @DryRun = 1;';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000), @Number INT, @Scans NVARCHAR(MAX), @Locked INT;
    CREATE TABLE #going (feature_set_id INT NOT NULL PRIMARY KEY);
    CREATE TABLE #last (network_id INT NOT NULL PRIMARY KEY);
    CREATE TABLE #uses (use_text NVARCHAR(400) COLLATE DATABASE_DEFAULT NOT NULL);
    CREATE TABLE #counts (table_name NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL, deleted INT NOT NULL);
    IF @DryRun IS NULL
        SELECT @Number = 50101, @Message = N'The value NULL for the parameter @DryRun is not supported. Supported values are 0 and 1.';
    ELSE IF @FeatureSetId IS NULL AND @NetworkName IS NULL AND @Layer IS NULL AND @Preprocessing IS NULL
        SELECT @Number = 50101, @Message = CONCAT(N'None of @FeatureSetId, @NetworkName, @Layer and @Preprocessing was given. ',
            N'Say which features are to be deleted; see dbo.feature_sets.');
    IF @Number IS NOT NULL
        THROW @Number, @Message, 1;

    BEGIN TRANSACTION;
    -- First the worklist, then the rest, as whoever changes both does.
    SET @Locked = (SELECT COUNT(*) FROM dbo.worklist WITH (UPDLOCK, HOLDLOCK));
    INSERT INTO #going (feature_set_id)
    SELECT s.feature_set_id
    FROM dbo.feature_sets AS s WITH (UPDLOCK, HOLDLOCK)
    LEFT JOIN dbo.networks AS n ON n.network_id = s.network_id
    WHERE s.feature_set_id = COALESCE(@FeatureSetId, s.feature_set_id) AND COALESCE(n.name, N'') = COALESCE(@NetworkName, n.name, N'')
        AND s.layer = COALESCE(@Layer, s.layer) AND s.preprocessing = COALESCE(@Preprocessing, s.preprocessing)
        AND (@Pooling IS NULL OR EXISTS (
            SELECT 1 FROM dbo.pooled_features AS p WHERE p.feature_set_id = s.feature_set_id AND p.pooling = @Pooling))
    OPTION (RECOMPILE);
    IF NOT EXISTS (SELECT 1 FROM #going)
        SELECT @Number = 50117, @Message = N'No feature set fits all that was given. See dbo.feature_sets and dbo.networks.';
    EXECUTE internal.FindUses @Pooling;
    IF @Number IS NULL AND EXISTS (SELECT 1 FROM #uses)
        SELECT @Number = 50305, @Message = CONCAT(N'The features are in use, and nothing is deleted: ', LEFT((
            SELECT STRING_AGG(CAST(u.use_text AS NVARCHAR(MAX)), N'; ') WITHIN GROUP (ORDER BY u.use_text)
            FROM (SELECT TOP (10) use_text FROM #uses ORDER BY use_text) AS u), 1500),
            IIF((SELECT COUNT(*) FROM #uses) > 10, N'; …', N''), N'. Delete these first, or keep the features.');
    IF @Number IS NOT NULL
    BEGIN
        SET @Message = REPLACE(@Message, N'%', N'%%');
        THROW @Number, @Message, 1;
    END;

    -- Scores of a later stage go with its last features; those of nodules that go, go with them.
    INSERT INTO #last (network_id)
    SELECT DISTINCT s.network_id
    FROM dbo.feature_sets AS s
    WHERE s.feature_set_id IN (SELECT feature_set_id FROM #going) AND s.layer LIKE N'nodules:%' AND @Pooling IS NULL AND NOT EXISTS (
        SELECT 1 FROM dbo.feature_sets AS o
        WHERE o.network_id = s.network_id AND o.layer LIKE N'nodules:%' AND o.feature_set_id NOT IN (SELECT feature_set_id FROM #going));
    INSERT INTO #counts (table_name, deleted)
    SELECT N'pooled_features', COUNT(*) FROM dbo.pooled_features
    WHERE feature_set_id IN (SELECT feature_set_id FROM #going) AND pooling = COALESCE(@Pooling, pooling)
    UNION ALL
    SELECT N'binary_vectors', COUNT(*) FROM dbo.binary_vectors
    WHERE feature_set_id IN (SELECT feature_set_id FROM #going) AND pooling = COALESCE(@Pooling, pooling)
    UNION ALL
    SELECT N'standard_vectors', COUNT(*) FROM dbo.standard_vectors
    WHERE feature_set_id IN (SELECT feature_set_id FROM #going) AND pooling = COALESCE(@Pooling, pooling)
    UNION ALL
    SELECT N'features', COUNT(*) FROM dbo.features WHERE feature_set_id IN (SELECT feature_set_id FROM #going) AND @Pooling IS NULL
    UNION ALL
    SELECT N'slice_maps', COUNT(*) FROM dbo.slice_maps WHERE feature_set_id IN (SELECT feature_set_id FROM #going) AND @Pooling IS NULL
    UNION ALL
    SELECT N'image_features', COUNT(*) FROM dbo.image_features
    WHERE feature_set_id IN (SELECT feature_set_id FROM #going) AND @Pooling IS NULL
    UNION ALL
    SELECT N'feature_parts', COUNT(*) FROM dbo.feature_parts
    WHERE feature_set_id IN (SELECT feature_set_id FROM #going) AND @Pooling IS NULL
    UNION ALL
    SELECT N'nodules', COUNT(*)
    FROM dbo.nodules AS n
    INNER JOIN dbo.feature_sets AS s ON s.network_id = n.network_id AND s.preprocessing = n.preprocessing AND s.layer = N'nodules'
    WHERE s.feature_set_id IN (SELECT feature_set_id FROM #going) AND @Pooling IS NULL
    UNION ALL
    SELECT N'nodule_scores', COUNT(*) FROM dbo.nodule_scores WHERE network_id IN (SELECT network_id FROM #last)
    UNION ALL
    SELECT N'search_trials', COUNT(*) FROM dbo.search_trials
    WHERE feature_set_id IN (SELECT feature_set_id FROM #going) AND @Pooling IS NULL
    UNION ALL
    SELECT N'feature_sets', COUNT(*) FROM #going WHERE @Pooling IS NULL;

    IF @DryRun = 0
    BEGIN
        SET @Scans = (
            SELECT STRING_AGG(CAST(f.scan_id AS NVARCHAR(MAX)), N',')
            FROM (SELECT DISTINCT scan_id FROM dbo.features WHERE feature_set_id IN (SELECT feature_set_id FROM #going)) AS f);
        -- The vectors in float32 go with those that they are made of.
        DELETE FROM dbo.pooled_features
        WHERE feature_set_id IN (SELECT feature_set_id FROM #going) AND pooling = COALESCE(@Pooling, pooling);
        -- Their maps go with the features.
        DELETE FROM dbo.features WHERE feature_set_id IN (SELECT feature_set_id FROM #going) AND @Pooling IS NULL;
        DELETE n
        FROM dbo.nodules AS n
        INNER JOIN dbo.feature_sets AS s ON s.network_id = n.network_id AND s.preprocessing = n.preprocessing AND s.layer = N'nodules'
        WHERE s.feature_set_id IN (SELECT feature_set_id FROM #going) AND @Pooling IS NULL;
        DELETE FROM dbo.nodule_scores WHERE network_id IN (SELECT network_id FROM #last);
        DELETE FROM dbo.image_features WHERE feature_set_id IN (SELECT feature_set_id FROM #going) AND @Pooling IS NULL;
        DELETE FROM dbo.feature_parts WHERE feature_set_id IN (SELECT feature_set_id FROM #going) AND @Pooling IS NULL;
        -- Trials of searches that failed: of others FindUses has told.
        DELETE FROM dbo.search_trials WHERE feature_set_id IN (SELECT feature_set_id FROM #going) AND @Pooling IS NULL;
        DELETE FROM dbo.feature_sets WHERE feature_set_id IN (SELECT feature_set_id FROM #going) AND @Pooling IS NULL;
        IF @Scans IS NOT NULL AND @Pooling IS NULL
            EXECUTE dbo.RefreshWorklist @Scans;
    END;
    COMMIT TRANSACTION;
    SELECT table_name, deleted FROM #counts ORDER BY table_name;
END;
