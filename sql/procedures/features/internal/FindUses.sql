-- FindUses: fills #uses with what refers to the feature sets of #going, a text each.
-- Called by DeleteFeatures, whose tables these are.
CREATE OR ALTER PROCEDURE internal.FindUses
    @Pooling NVARCHAR(32) -- what reads vectors of this pooling only; NULL means anything
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    INSERT INTO #uses (use_text)
    SELECT CONCAT(N'the model ', c.name, N' version ', c.version, N' reads set ', c.feature_set_id)
    FROM dbo.classifiers AS c WITH (UPDLOCK, HOLDLOCK)
    WHERE c.feature_set_id IN (SELECT feature_set_id FROM #going) AND c.pooling = COALESCE(@Pooling, c.pooling)
    UNION ALL
    SELECT CONCAT(N'the model of pictures ', c.name, N' version ', c.version, N' reads set ', c.feature_set_id)
    FROM dbo.image_classifiers AS c WITH (UPDLOCK, HOLDLOCK)
    WHERE c.feature_set_id IN (SELECT feature_set_id FROM #going) AND @Pooling IS NULL
    UNION ALL
    SELECT CONCAT(COUNT(*), N' trials of the search ', t.search_id, N' read set ', t.feature_set_id,
        IIF(s.state = 'done', N'', CONCAT(N' (it is not finished; EXECUTE dbo.EndSearch @SearchId = ', t.search_id, N' ends it)')))
    FROM dbo.search_trials AS t WITH (UPDLOCK, HOLDLOCK)
    INNER JOIN dbo.searches AS s WITH (UPDLOCK, HOLDLOCK) ON s.search_id = t.search_id
    WHERE s.state <> 'failed' AND t.feature_set_id IN (SELECT feature_set_id FROM #going) AND t.pooling = COALESCE(@Pooling, t.pooling)
    GROUP BY t.search_id, t.feature_set_id, s.state
    UNION ALL
    SELECT DISTINCT CONCAT(N'the combined set ', s.layer, N' (', p.feature_set_id, N') holds set ', p.part_feature_set_id)
    FROM dbo.feature_parts AS p WITH (UPDLOCK, HOLDLOCK)
    INNER JOIN dbo.feature_sets AS s ON s.feature_set_id = p.feature_set_id
    WHERE p.part_feature_set_id IN (SELECT feature_set_id FROM #going) AND p.feature_set_id NOT IN (SELECT feature_set_id FROM #going)
        AND p.pooling = COALESCE(@Pooling, p.pooling)
    OPTION (RECOMPILE);
END;
