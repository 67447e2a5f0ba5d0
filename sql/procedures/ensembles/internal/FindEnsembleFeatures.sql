-- FindEnsembleFeatures: finds the features that an ensemble reads, those of its members where they all read the same, else a combined
-- feature set, which is made where there is none yet; and where in a vector each member's features begin.
-- Called by CreateEnsemble, whose table #ensemble it completes.
CREATE OR ALTER PROCEDURE internal.FindEnsembleFeatures
    @FeatureSetId INT OUTPUT,     -- the feature set
    @Pooling NVARCHAR(32) OUTPUT, -- its pooling
    @IsNew BIT OUTPUT             -- 1 where it was made just now
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Name NVARCHAR(MAX), @Layer NVARCHAR(256);
    CREATE TABLE #sources (
        place INT NOT NULL PRIMARY KEY, feature_set_id INT NOT NULL, pooling NVARCHAR(32) COLLATE DATABASE_DEFAULT NOT NULL,
        width INT NOT NULL, first_index INT NOT NULL);
    INSERT INTO #sources (place, feature_set_id, pooling, width, first_index)
    SELECT MIN(position), feature_set_id, pooling, MAX(width), 0
    FROM #ensemble
    GROUP BY feature_set_id, pooling;
    UPDATE s
    SET s.first_index = COALESCE((SELECT SUM(b.width) FROM #sources AS b WHERE b.place < s.place), 0)
    FROM #sources AS s;
    UPDATE e
    SET e.first_index = s.first_index
    FROM #ensemble AS e
    INNER JOIN #sources AS s ON s.feature_set_id = e.feature_set_id AND s.pooling = e.pooling;
    SET @IsNew = 0;
    IF (SELECT COUNT(*) FROM #sources) = 1
    BEGIN
        SELECT @FeatureSetId = feature_set_id, @Pooling = pooling FROM #sources;
        RETURN 0;
    END;

    -- The name says what it is made of, so that the same members find it again.
    SET @Pooling = N'combined';
    SET @Name = (
        SELECT STRING_AGG(CONCAT(CAST(feature_set_id AS NVARCHAR(MAX)), N' ', pooling), N', ') WITHIN GROUP (ORDER BY place) FROM #sources);
    SET @Layer = CASE WHEN LEN(@Name) <= 240 THEN CONCAT(N'feature sets ', @Name)
        ELSE CONCAT(N'feature sets ', CONVERT(VARCHAR(64), HASHBYTES('SHA2_256', CONVERT(VARBINARY(MAX), @Name)), 2)) END;
    BEGIN TRANSACTION;
    SET @FeatureSetId = (
        SELECT feature_set_id FROM dbo.feature_sets WITH (UPDLOCK, HOLDLOCK)
        WHERE network_id IS NULL AND layer = @Layer AND preprocessing = N'combined');
    IF @FeatureSetId IS NULL
    BEGIN
        INSERT INTO dbo.feature_sets (network_id, layer, preprocessing, width)
        SELECT NULL, @Layer, N'combined', SUM(width) FROM #sources;
        SET @FeatureSetId = SCOPE_IDENTITY();
        SET @IsNew = 1;
        -- A source that is combined itself gives its own parts.
        INSERT INTO dbo.feature_parts (
            feature_set_id, position, part_feature_set_id, pooling, source, column_name, first_index, width)
        SELECT @FeatureSetId, ROW_NUMBER() OVER (ORDER BY p.first_index) - 1, p.part_feature_set_id, p.pooling, p.source, p.column_name,
            p.first_index, p.width
        FROM (
            SELECT s.feature_set_id AS part_feature_set_id, s.pooling, CAST(NULL AS NVARCHAR(257)) AS source,
                CAST(NULL AS NVARCHAR(128)) AS column_name, s.first_index, s.width
            FROM #sources AS s
            WHERE s.pooling <> N'combined'
            UNION ALL
            SELECT f.part_feature_set_id, f.pooling, f.source, f.column_name, s.first_index + f.first_index, f.width
            FROM #sources AS s
            INNER JOIN dbo.feature_parts AS f ON f.feature_set_id = s.feature_set_id
            WHERE s.pooling = N'combined') AS p;
    END;
    COMMIT TRANSACTION;
END;
