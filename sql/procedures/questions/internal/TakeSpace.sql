-- TakeSpace: fills #space with the vectors of the scans in #wanted, of several features side by side, and #named with what their numbers
-- are. A scan that lacks one of them is not there. Nothing is stored but vectors of a combined set that is there already.
-- Called by InspectDataset and every other procedure that asks about features, whose tables #wanted, #space and #named it uses.
CREATE OR ALTER PROCEDURE internal.TakeSpace
    @ModelName NVARCHAR(128),       -- model whose features are meant where neither a set nor a list is given
    @Features NVARCHAR(MAX),        -- several features with semicolons between, or NULL
    @Pooling NVARCHAR(32),          -- pooling of the set given, or where a list leaves several; NULL for any
    @FeatureSetId INT = NULL        -- a feature set, or NULL
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Number INT = 50281, @Some NVARCHAR(1200), @Position INT = 0, @Bytes BIGINT, @Parts INT;
    CREATE TABLE #parts (
        part_feature_set_id INT NULL, pooling NVARCHAR(32) COLLATE DATABASE_DEFAULT NULL,
        source NVARCHAR(257) COLLATE DATABASE_DEFAULT NULL, column_name NVARCHAR(128) COLLATE DATABASE_DEFAULT NULL, width INT NOT NULL);
    CREATE TABLE #ordered (
        position INT IDENTITY(1, 1) NOT NULL PRIMARY KEY, feature_set_id INT NOT NULL,
        pooling NVARCHAR(32) COLLATE DATABASE_DEFAULT NOT NULL, width INT NOT NULL);
    CREATE TABLE #space_pieces (
        scan_id INT NOT NULL, position INT NOT NULL, piece NVARCHAR(MAX) COLLATE DATABASE_DEFAULT NOT NULL,
        PRIMARY KEY (scan_id, position));
    CREATE TABLE #combine (scan_id INT NOT NULL PRIMARY KEY);
    CREATE TABLE #read (scan_id INT NOT NULL PRIMARY KEY);

    IF @FeatureSetId IS NULL AND @Features IS NULL
        EXECUTE internal.FindFeatureSet @ModelName, NULL, NULL, NULL, @Pooling OUTPUT, @FeatureSetId OUTPUT, 1;
    IF @FeatureSetId IS NULL AND @Features IS NULL
    BEGIN
        SET @Some = LEFT((
            SELECT STRING_AGG(CAST(name AS NVARCHAR(MAX)), N'; ') WITHIN GROUP (ORDER BY name)
            FROM dbo.pooled_sets
            WHERE pooling = COALESCE(@Pooling, pooling)), 1200);
        SET @Message = REPLACE(CONCAT(N'Several features could be meant, because no model ', COALESCE(N'''' + @ModelName + N'''', N'NULL'),
            N' is served. Name those that are meant with @Features: ', @Some, N'.'), N'%', N'%%');
        IF @Some IS NULL
            SELECT @Number = 50117, @Message = REPLACE(CONCAT(N'There are no features of ',
                COALESCE(N'the pooling ''' + @Pooling + N'''', N'any pooling'), N'. Call GenerateFeatures first.'), N'%', N'%%');
        THROW @Number, @Message, 1;
    END;
    IF @FeatureSetId IS NULL
        EXECUTE internal.ReadFeatureList @Features, @Pooling;
    ELSE
        INSERT INTO #parts (part_feature_set_id, pooling, width)
        SELECT f.feature_set_id, k.pooling, COALESCE(k.width, f.width * k.times)
        FROM dbo.feature_sets AS f
        INNER JOIN dbo.poolings AS k ON k.pooling = @Pooling
        WHERE f.feature_set_id = @FeatureSetId;
    INSERT INTO #ordered (feature_set_id, pooling, width)
    SELECT part_feature_set_id, pooling, width FROM #parts ORDER BY part_feature_set_id, pooling;
    INSERT INTO #combine (scan_id)
    SELECT scan_id FROM #wanted;

    WHILE EXISTS (SELECT 1 FROM #ordered WHERE position > @Position)
    BEGIN
        SELECT TOP (1) @Position = position, @FeatureSetId = feature_set_id, @Pooling = pooling
        FROM #ordered
        WHERE position > @Position
        ORDER BY position;
        EXECUTE internal.FillCombinedFeatures @FeatureSetId;
        DELETE FROM #read;
        INSERT INTO #read (scan_id)
        SELECT w.scan_id
        FROM #wanted AS w
        INNER JOIN dbo.pooled_features AS f ON f.scan_id = w.scan_id
        WHERE f.feature_set_id = @FeatureSetId AND f.pooling = @Pooling;
        EXECUTE internal.CheckVectors @FeatureSetId, @Pooling;
        INSERT INTO #space_pieces (scan_id, position, piece)
        SELECT f.scan_id, @Position, SUBSTRING(LTRIM(RTRIM(f.vector)), 2, LEN(f.vector) - 2)
        FROM #read AS r
        INNER JOIN dbo.pooled_features AS f ON f.scan_id = r.scan_id
        WHERE f.feature_set_id = @FeatureSetId AND f.pooling = @Pooling;
    END;
    SET @Parts = (SELECT COUNT(*) FROM #ordered);
    -- Text goes as UTF-16; above 2 GB in a column a runtime gives wrong data.
    SET @Bytes = (SELECT SUM(CAST(DATALENGTH(piece) AS BIGINT)) FROM #space_pieces);
    IF @Bytes > 1073741824
    BEGIN
        SET @Message = CONCAT(N'The vectors of these ', (SELECT COUNT(*) FROM #wanted), N' scans are ', @Bytes / 1000000,
            N' MB as they are sent to the script, which takes 1 GB. Take fewer scans, as by CreateDataset @Sample, or fewer features.');
        THROW 50231, @Message, 1;
    END;
    INSERT INTO #space (scan_id, vector)
    SELECT scan_id, CONCAT(N'[', STRING_AGG(piece, N',') WITHIN GROUP (ORDER BY position), N']')
    FROM #space_pieces
    GROUP BY scan_id
    HAVING COUNT(*) = @Parts;

    WITH placed AS (
        SELECT o.feature_set_id, o.pooling, o.width,
            COALESCE((SELECT SUM(b.width) FROM #ordered AS b WHERE b.position < o.position), 0) AS first_index
        FROM #ordered AS o
    )
    INSERT INTO #named (first_index, width, name)
    SELECT p.first_index, p.width, CONCAT(n.name, N'/', f.layer, N'/', f.preprocessing, N'/', p.pooling)
    FROM placed AS p
    INNER JOIN dbo.feature_sets AS f ON f.feature_set_id = p.feature_set_id
    INNER JOIN dbo.networks AS n ON n.network_id = f.network_id
    UNION ALL
    SELECT p.first_index + c.first_index, c.width,
        COALESCE(c.column_name, CONCAT(n.name, N'/', f.layer, N'/', f.preprocessing, N'/', c.pooling))
    FROM placed AS p
    INNER JOIN dbo.feature_parts AS c ON c.feature_set_id = p.feature_set_id
    LEFT JOIN dbo.feature_sets AS f ON f.feature_set_id = c.part_feature_set_id
    LEFT JOIN dbo.networks AS n ON n.network_id = f.network_id;
END;
