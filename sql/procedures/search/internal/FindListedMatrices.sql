-- FindListedMatrices: fills #matrices with the features that a list names, with | between: each is a list as TrainLungCancerModel takes it,
-- the name of a combined feature set, or none for the columns alone. An item that leaves its pooling open is taken with each of @Poolings.
-- Called by FindMatrices, whose table #matrices it fills.
CREATE OR ALTER PROCEDURE internal.FindListedMatrices
    @Features NVARCHAR(MAX),      -- features to choose among
    @Poolings NVARCHAR(400),      -- poolings with commas between, or NULL
    @Columns NVARCHAR(MAX),       -- columns with commas between, or NULL
    @ColumnsFrom NVARCHAR(257)    -- view or table that has them, or NULL for dbo.scan_columns
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Place INT = 0, @Item NVARCHAR(MAX), @FeatureSetId INT, @Pooling NVARCHAR(32), @IsNew BIT,
        @Asked NVARCHAR(32);
    CREATE TABLE #wanted (
        place INT IDENTITY(1, 1) NOT NULL PRIMARY KEY, item NVARCHAR(MAX) COLLATE DATABASE_DEFAULT NOT NULL,
        pooling NVARCHAR(400) COLLATE DATABASE_DEFAULT NULL, is_tried BIT NOT NULL DEFAULT 0);

    -- A text is split so that its order is kept, which STRING_SPLIT does not promise.
    INSERT INTO #wanted (item, pooling)
    SELECT LTRIM(RTRIM(i.[value])), NULLIF(LTRIM(RTRIM(p.[value])), N'')
    FROM OPENJSON(CONCAT(N'["', REPLACE(STRING_ESCAPE(@Features, 'json'), N'|', N'","'), N'"]')) AS i
    CROSS JOIN OPENJSON(CONCAT(N'["', REPLACE(STRING_ESCAPE(COALESCE(@Poolings, N''), 'json'), N',', N'","'), N'"]')) AS p
    ORDER BY CAST(i.[key] AS INT), CAST(p.[key] AS INT);
    SET @Message = (
        SELECT CONCAT(N'There are no features of pooling ''', MIN(pooling),
            N'''. Call GenerateFeatures with this pooling first, or ask for others.')
        FROM #wanted
        WHERE pooling IS NOT NULL AND pooling NOT IN (SELECT pooling FROM dbo.pooled_sets)
        HAVING COUNT(*) > 0);
    IF @Message IS NOT NULL
    BEGIN
        SET @Message = REPLACE(@Message, N'%', N'%%');
        THROW 50117, @Message, 1;
    END;
    IF @Columns IS NULL AND EXISTS (SELECT 1 FROM #wanted WHERE LOWER(item) = N'none')
    BEGIN
        SET @Message = N'@Features = N''none'' was given without @Columns. Give columns.';
        THROW 50101, @Message, 1;
    END;

    WHILE EXISTS (SELECT 1 FROM #wanted WHERE place > @Place)
    BEGIN
        SET @Place = @Place + 1;
        SELECT @Item = item, @Pooling = LEFT(pooling, 32), @Asked = LEFT(pooling, 32), @IsNew = 0 FROM #wanted WHERE place = @Place;
        SET @FeatureSetId = (SELECT feature_set_id FROM dbo.feature_sets WHERE network_id IS NULL AND layer = @Item);
        IF @FeatureSetId IS NOT NULL
            SET @Pooling = N'combined';
        ELSE IF LOWER(@Item) = N'none'
            EXECUTE internal.CombineFeatures @Item, @Columns, @ColumnsFrom, @Pooling OUTPUT, @FeatureSetId OUTPUT, @IsNew OUTPUT;
        ELSE
            EXECUTE internal.CombineFeatures @Item, NULL, NULL, @Pooling OUTPUT, @FeatureSetId OUTPUT, @IsNew OUTPUT;
        IF @Pooling = @Asked OR EXISTS (SELECT 1 FROM dbo.feature_parts WHERE feature_set_id = @FeatureSetId AND pooling = @Asked)
            UPDATE #wanted SET is_tried = 1 WHERE place = @Place;
        INSERT INTO #matrices (feature_set_id, pooling, is_new)
        SELECT @FeatureSetId, @Pooling, @IsNew
        WHERE NOT EXISTS (SELECT 1 FROM #matrices WHERE feature_set_id = @FeatureSetId AND pooling = @Pooling);
    END;
    SET @Message = (
        SELECT CONCAT(N'The pooling ''', MIN(w.pooling), N''' would not be tried: no item of @Features leaves its pooling open. ',
            N'Leave the pooling out of @Poolings or of an item.')
        FROM #wanted AS w
        WHERE w.pooling IS NOT NULL AND w.pooling NOT IN (SELECT t.pooling FROM #wanted AS t WHERE t.is_tried = 1)
        HAVING COUNT(*) > 0);
    IF @Message IS NOT NULL
    BEGIN
        SET @Message = REPLACE(@Message, N'%', N'%%');
        THROW 50117, @Message, 1;
    END;
END;
