-- StoreCombined: finds the combined feature set of the parts in #parts, or stores it. Their order is that of feature sets, poolings and
-- names, so that the same parts are the same set however they are written.
-- Called by CombineFeatures, whose table #parts it reads.
CREATE OR ALTER PROCEDURE internal.StoreCombined
    @FeatureSetId INT OUTPUT,   -- the combined set
    @IsNew BIT OUTPUT           -- 1 where this call stored it
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Wanted NVARCHAR(MAX), @Name NVARCHAR(MAX), @Free NVARCHAR(256), @Other INT = 1;
    CREATE TABLE #placed (
        position INT IDENTITY(1, 1) NOT NULL PRIMARY KEY, part_feature_set_id INT NULL,
        pooling NVARCHAR(32) COLLATE DATABASE_DEFAULT NULL, source NVARCHAR(257) COLLATE DATABASE_DEFAULT NULL,
        column_name NVARCHAR(128) COLLATE DATABASE_DEFAULT NULL, width INT NOT NULL);
    INSERT INTO #placed (part_feature_set_id, pooling, source, column_name, width)
    SELECT part_feature_set_id, pooling, source, column_name, width
    FROM #parts
    ORDER BY CASE WHEN column_name IS NULL THEN 0 ELSE 1 END, part_feature_set_id, pooling, source, column_name;
    SET @Wanted = (
        SELECT STRING_AGG(CONCAT(CAST(N'' AS NVARCHAR(MAX)), part_feature_set_id, N'|', pooling, N'|', source, N'|', column_name),
            NCHAR(10)) WITHIN GROUP (ORDER BY position)
        FROM #placed);
    SET @Name = CONCAT((
            SELECT STRING_AGG(CAST(s.name AS NVARCHAR(MAX)), N'; ') WITHIN GROUP (ORDER BY p.position)
            FROM #placed AS p
            INNER JOIN dbo.pooled_sets AS s ON s.feature_set_id = p.part_feature_set_id AND s.pooling = p.pooling),
        (SELECT CASE WHEN COUNT(p.part_feature_set_id) > 0 THEN N'; columns ' ELSE N'columns ' END
            + STRING_AGG(CAST(p.column_name AS NVARCHAR(MAX)), N', ') WITHIN GROUP (ORDER BY p.position) FROM #placed AS p));
    SET @Name = IIF(LEN(@Name) > 240, CONCAT(LEFT(@Name, 239), N'…'), @Name);

    SET @IsNew = 0;
    BEGIN TRANSACTION;
    SET @FeatureSetId = (
        SELECT MIN(m.feature_set_id)
        FROM (
            SELECT feature_set_id, STRING_AGG(CONCAT(CAST(N'' AS NVARCHAR(MAX)), part_feature_set_id, N'|', pooling, N'|', source, N'|',
                column_name), NCHAR(10)) WITHIN GROUP (ORDER BY position) AS made
            FROM dbo.feature_parts WITH (UPDLOCK, HOLDLOCK)
            GROUP BY feature_set_id) AS m
        WHERE m.made = @Wanted);
    IF @FeatureSetId IS NULL
    BEGIN
        -- A network that was loaded again, or a name cut short, may give two sets one name.
        SET @Free = @Name;
        WHILE EXISTS (SELECT 1 FROM dbo.feature_sets WITH (UPDLOCK, HOLDLOCK) WHERE network_id IS NULL AND layer = @Free)
        BEGIN
            SET @Other = @Other + 1;
            SET @Free = CONCAT(@Name, N' (', @Other, N')');
        END;
        INSERT INTO dbo.feature_sets (network_id, layer, preprocessing, width)
        SELECT NULL, @Free, N'combined', SUM(width) FROM #placed;
        SELECT @FeatureSetId = SCOPE_IDENTITY(), @IsNew = 1;
        INSERT INTO dbo.feature_parts (feature_set_id, position, part_feature_set_id, pooling, source, column_name, first_index, width)
        SELECT @FeatureSetId, p.position, p.part_feature_set_id, p.pooling, p.source, p.column_name,
            COALESCE((SELECT SUM(b.width) FROM #placed AS b WHERE b.position < p.position), 0), p.width
        FROM #placed AS p;
    END;
    COMMIT TRANSACTION;
END;
