-- CombineFeatures: finds the feature set of a set and pooling, a list of features and columns side by side, combining them where they are
-- several; the same parts give the same combined set again.
-- Called by ChooseFeatures, FindMatrices and FindListedMatrices.
CREATE OR ALTER PROCEDURE internal.CombineFeatures
    @Features NVARCHAR(MAX),        -- several features with semicolons between, none, or NULL
    @Columns NVARCHAR(MAX),         -- columns with commas between, or NULL
    @ColumnsFrom NVARCHAR(257),     -- view or table that has them, or NULL for dbo.scan_columns
    @Pooling NVARCHAR(32) OUTPUT,   -- pooling of the set given, or of items that leave it open; that of the set found
    @FeatureSetId INT OUTPUT,       -- a feature set, or NULL; the one found
    @IsNew BIT OUTPUT               -- 1 where it is a combined one that this call stored
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Name NVARCHAR(256), @Parts INT;
    CREATE TABLE #parts (
        part_feature_set_id INT NULL, pooling NVARCHAR(32) COLLATE DATABASE_DEFAULT NULL,
        source NVARCHAR(257) COLLATE DATABASE_DEFAULT NULL, column_name NVARCHAR(128) COLLATE DATABASE_DEFAULT NULL, width INT NOT NULL);

    SET @IsNew = 0;
    -- What is combined already is taken apart, and the columns asked for stand in the place of those that it has.
    INSERT INTO #parts (part_feature_set_id, pooling, source, column_name, width)
    SELECT part_feature_set_id, pooling, source, column_name, width FROM dbo.feature_parts
    WHERE feature_set_id = @FeatureSetId AND column_name IS NULL;
    INSERT INTO #parts (part_feature_set_id, pooling, width)
    SELECT feature_set_id, pooling, width FROM dbo.pooled_sets
    WHERE feature_set_id = @FeatureSetId AND pooling = @Pooling AND NOT EXISTS (
        SELECT 1 FROM dbo.feature_parts AS p WHERE p.feature_set_id = @FeatureSetId);
    IF LOWER(@Features) <> N'none'
        EXECUTE internal.ReadFeatureList @Features, @Pooling;
    IF @Columns IS NOT NULL
        EXECUTE internal.ReadColumnList @Columns, @ColumnsFrom;

    SET @Parts = (SELECT COUNT(*) FROM #parts);
    IF @Parts = 1 AND @Columns IS NULL
        SELECT @FeatureSetId = part_feature_set_id, @Pooling = pooling FROM #parts;
    ELSE
    BEGIN
        EXECUTE internal.StoreCombined @FeatureSetId OUTPUT, @IsNew OUTPUT;
        SET @Pooling = N'combined';
    END;
    SET @Name = (SELECT layer FROM dbo.feature_sets WHERE feature_set_id = @FeatureSetId);
    RAISERROR(N'Features: set %d, of %d parts: %s, pooling %s.', 0, 1, @FeatureSetId, @Parts, @Name, @Pooling) WITH NOWAIT;
END;
