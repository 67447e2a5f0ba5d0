-- FindMatrices: fills #matrices with the feature sets and poolings that a search may try: those of a network, or those that @Features
-- lists, and each of them also with @Columns beside. It numbers them.
-- Called by SearchModels, whose table #matrices it fills.
CREATE OR ALTER PROCEDURE internal.FindMatrices
    @ModelName NVARCHAR(128),     -- name to store the best model under
    @NetworkName NVARCHAR(128),   -- network, or NULL for that of the version served, else of default_network, else the only one
    @Layers NVARCHAR(MAX),        -- layers with commas between, or NULL for all
    @Preprocessing NVARCHAR(32),  -- preprocessing, or NULL for any
    @Poolings NVARCHAR(400),      -- poolings with commas between, or NULL for all
    @Features NVARCHAR(MAX),      -- features to choose among with | between, or NULL for those of a network
    @Columns NVARCHAR(MAX),       -- columns with commas between, or NULL
    @ColumnsFrom NVARCHAR(257)    -- view or table that has them, or NULL for dbo.scan_columns
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Place INT = 0, @FeatureSetId INT, @Pooling NVARCHAR(32), @IsNew BIT;
    CREATE TABLE #bases (
        place INT IDENTITY(1, 1) NOT NULL PRIMARY KEY, feature_set_id INT NOT NULL,
        pooling NVARCHAR(32) COLLATE DATABASE_DEFAULT NOT NULL);

    IF @Features IS NULL
        EXECUTE internal.FindSingleMatrices @ModelName, @NetworkName, @Layers, @Preprocessing, @Poolings;
    ELSE
        EXECUTE internal.FindListedMatrices @Features, @Poolings, @Columns, @ColumnsFrom;
    IF @Columns IS NOT NULL
        INSERT INTO #bases (feature_set_id, pooling)
        SELECT feature_set_id, pooling FROM #matrices ORDER BY feature_set_id, pooling;
    WHILE EXISTS (SELECT 1 FROM #bases WHERE place > @Place)
    BEGIN
        SET @Place = @Place + 1;
        SELECT @FeatureSetId = feature_set_id, @Pooling = pooling FROM #bases WHERE place = @Place;
        EXECUTE internal.CombineFeatures NULL, @Columns, @ColumnsFrom, @Pooling OUTPUT, @FeatureSetId OUTPUT, @IsNew OUTPUT;
        INSERT INTO #matrices (feature_set_id, pooling, is_new)
        SELECT @FeatureSetId, @Pooling, @IsNew
        WHERE NOT EXISTS (SELECT 1 FROM #matrices WHERE feature_set_id = @FeatureSetId AND pooling = @Pooling);
    END;

    UPDATE m
    SET m.matrix = (
        SELECT COUNT(*) FROM #matrices AS b
        WHERE b.feature_set_id < m.feature_set_id OR (b.feature_set_id = m.feature_set_id AND b.pooling <= m.pooling))
    FROM #matrices AS m;
END;
