-- ReadFeatureList: fills #parts with the features that a list names. An item is network/layer/preprocessing/pooling, of which any piece
-- may be left out where there is only one that fits the others; of several poolings that of the parameter @Pooling is meant.
-- Called by CombineFeatures, whose table #parts it fills.
CREATE OR ALTER PROCEDURE internal.ReadFeatureList
    @Features NVARCHAR(MAX),    -- items with semicolons between
    @Pooling NVARCHAR(32)       -- pooling where an item leaves several
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Item NVARCHAR(800), @Position INT, @Found NVARCHAR(1000);
    CREATE TABLE #items (position INT NOT NULL PRIMARY KEY, item NVARCHAR(800) COLLATE DATABASE_DEFAULT NOT NULL);
    CREATE TABLE #there (
        feature_set_id INT NOT NULL, pooling NVARCHAR(32) COLLATE DATABASE_DEFAULT NOT NULL, width INT NOT NULL,
        network NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL, layer NVARCHAR(256) COLLATE DATABASE_DEFAULT NOT NULL,
        preprocessing NVARCHAR(32) COLLATE DATABASE_DEFAULT NOT NULL, name NVARCHAR(600) COLLATE DATABASE_DEFAULT NOT NULL);
    CREATE TABLE #fitting (position INT NOT NULL, feature_set_id INT NOT NULL, pooling NVARCHAR(32) COLLATE DATABASE_DEFAULT NOT NULL);

    -- A text is split so that its order is kept, which STRING_SPLIT does not promise.
    INSERT INTO #items (position, item)
    SELECT CAST([key] AS INT), LEFT(LTRIM(RTRIM([value])), 800)
    FROM OPENJSON(CONCAT(N'["', REPLACE(STRING_ESCAPE(@Features, 'json'), N';', N'","'), N'"]'));
    DELETE FROM #items WHERE item = N'' AND position = (SELECT MAX(position) FROM #items) AND position > 0;
    -- Of features that have the same names the newest are meant.
    INSERT INTO #there (feature_set_id, pooling, width, network, layer, preprocessing, name)
    SELECT s.feature_set_id, s.pooling, s.width, s.network, s.layer, s.preprocessing, s.name
    FROM dbo.pooled_sets AS s
    INNER JOIN (SELECT name, MAX(feature_set_id) AS newest FROM dbo.pooled_sets GROUP BY name) AS m
        ON m.name = s.name AND m.newest = s.feature_set_id
    WHERE s.network IS NOT NULL;

    INSERT INTO #fitting (position, feature_set_id, pooling)
    SELECT DISTINCT i.position, t.feature_set_id, t.pooling
    FROM #items AS i
    CROSS JOIN #there AS t
    CROSS JOIN (VALUES (1), (2), (3), (4), (5), (6), (7), (8), (9), (10), (11), (12), (13), (14), (15)) AS k (pieces)
    WHERE CONCAT(i.item, N'/') = CONCAT(IIF(k.pieces & 8 > 0, t.network + N'/', N''), IIF(k.pieces & 4 > 0, t.layer + N'/', N''),
        IIF(k.pieces & 2 > 0, t.preprocessing + N'/', N''), IIF(k.pieces & 1 > 0, t.pooling + N'/', N''));
    DELETE f
    FROM #fitting AS f
    WHERE f.pooling <> @Pooling
        AND EXISTS (SELECT 1 FROM #fitting AS o WHERE o.position = f.position AND o.pooling = @Pooling);

    SELECT TOP (1) @Position = i.position, @Item = i.item
    FROM #items AS i
    WHERE (SELECT COUNT(*) FROM #fitting AS f WHERE f.position = i.position) <> 1
    ORDER BY i.position;
    IF @Position IS NOT NULL
    BEGIN
        SET @Found = (
            SELECT STRING_AGG(n.name, N'; ') WITHIN GROUP (ORDER BY n.name)
            FROM (
                SELECT TOP (8) CAST(t.name AS NVARCHAR(MAX)) AS name
                FROM #there AS t
                WHERE NOT EXISTS (SELECT 1 FROM #fitting WHERE position = @Position) OR EXISTS (
                    SELECT 1 FROM #fitting AS f
                    WHERE f.position = @Position AND f.feature_set_id = t.feature_set_id AND f.pooling = t.pooling)
                ORDER BY t.name) AS n);
        SET @Message = REPLACE(LEFT(CONCAT(N'The item ''', LEFT(@Item, 200), N''' of @Features fits ',
            IIF(EXISTS (SELECT 1 FROM #fitting WHERE position = @Position), N'several kinds of features: ', N'none of the features: '),
            COALESCE(@Found, N'there are none'), N'. Write network/layer/preprocessing/pooling of one that GenerateFeatures has made, ',
            N'with semicolons between items.'), 1900), N'%', N'%%');
        THROW 50278, @Message, 1;
    END;

    SELECT TOP (1) @Item = MIN(i.item)
    FROM #fitting AS f
    INNER JOIN #items AS i ON i.position = f.position
    GROUP BY f.feature_set_id, f.pooling
    HAVING COUNT(*) > 1;
    IF @Item IS NOT NULL
    BEGIN
        SET @Message = REPLACE(CONCAT(N'@Features names the features of the item ''', LEFT(@Item, 200),
            N''' twice. Give each once.'), N'%', N'%%');
        THROW 50278, @Message, 1;
    END;
    INSERT INTO #parts (part_feature_set_id, pooling, width)
    SELECT t.feature_set_id, t.pooling, t.width
    FROM #fitting AS f
    INNER JOIN #there AS t ON t.feature_set_id = f.feature_set_id AND t.pooling = f.pooling;
END;
