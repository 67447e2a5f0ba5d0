-- TakeCells: fills #columns with the columns that a data set is inspected by, numbers before texts, and #cells with their values: what
-- dbo.scans and dbo.scan_columns know, and columns that the caller names, which are read with the caller's own rights.
-- Called by InspectDataset, whose table #inspected it reads and whose tables #columns and #cells it fills. It is to be left unsigned.
CREATE OR ALTER PROCEDURE internal.TakeCells
    @Columns NVARCHAR(MAX),     -- columns with commas between, or NULL
    @ColumnsFrom NVARCHAR(257)  -- view or table that has them, or NULL for dbo.scan_columns
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Composed NVARCHAR(MAX);
    CREATE TABLE #parts (
        part_feature_set_id INT NULL, pooling NVARCHAR(32) COLLATE DATABASE_DEFAULT NULL,
        source NVARCHAR(257) COLLATE DATABASE_DEFAULT NULL, column_name NVARCHAR(128) COLLATE DATABASE_DEFAULT NULL, width INT NOT NULL);
    CREATE TABLE #known (
        place INT NOT NULL, name NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL, is_text INT NOT NULL, x FLOAT NULL,
        t NVARCHAR(64) COLLATE DATABASE_DEFAULT NULL);
    IF @Columns IS NOT NULL
        EXECUTE internal.ReadColumnList @Columns, @ColumnsFrom;

    WITH told AS (
        SELECT i.place, k.age, k.sex, k.contrast, s.spacing_z, s.spacing_y, s.slice_thickness, s.kvp, s.number_images, s.image_rows,
            s.study_date, s.manufacturer, s.convolution_kernel
        FROM #inspected AS i
        INNER JOIN dbo.scans AS s ON s.scan_id = i.scan_id
        INNER JOIN dbo.scan_columns AS k ON k.scan_id = i.scan_id
    )
    INSERT INTO #known (place, name, is_text, x, t)
    SELECT place, CAST(N'age' AS NVARCHAR(128)), 0, CAST(age AS FLOAT), CAST(NULL AS NVARCHAR(64)) FROM told
    UNION ALL SELECT place, N'sex', 0, sex, NULL FROM told
    UNION ALL SELECT place, N'contrast', 0, contrast, NULL FROM told
    UNION ALL SELECT place, N'spacing_z', 0, spacing_z, NULL FROM told
    UNION ALL SELECT place, N'spacing_y', 0, spacing_y, NULL FROM told
    UNION ALL SELECT place, N'slice_thickness', 0, slice_thickness, NULL FROM told
    UNION ALL SELECT place, N'kvp', 0, kvp, NULL FROM told
    UNION ALL SELECT place, N'number_images', 0, number_images, NULL FROM told
    UNION ALL SELECT place, N'image_rows', 0, image_rows, NULL FROM told
    UNION ALL SELECT place, N'study_date', 0, DATEDIFF(DAY, '2000-01-01', study_date), NULL FROM told
    UNION ALL SELECT place, N'manufacturer', 1, NULL, manufacturer FROM told
    UNION ALL SELECT place, N'convolution_kernel', 1, NULL, NULLIF(LTRIM(RTRIM(convolution_kernel)), N'') FROM told;
    INSERT INTO #columns (position, name, is_text)
    SELECT ROW_NUMBER() OVER (ORDER BY c.is_text, c.source, c.name) - 1, c.name, c.is_text
    FROM (
        SELECT DISTINCT name, is_text, N'' AS source FROM #known
        UNION ALL
        SELECT CONCAT(source, N'.', QUOTENAME(column_name)), 0, source FROM #parts) AS c;
    INSERT INTO #cells (place, position, x, t)
    SELECT k.place, c.position, k.x, k.t
    FROM #known AS k
    INNER JOIN #columns AS c ON c.name = k.name;

    SET @Composed = (
        SELECT STRING_AGG(CONCAT(CAST(N'' AS NVARCHAR(MAX)), N'INSERT INTO #cells (place, position, x) SELECT i.place, ', c.position,
            N', CAST(q.', QUOTENAME(p.column_name), N' AS FLOAT) FROM #inspected AS i LEFT JOIN ', p.source,
            N' AS q ON q.scan_id = i.scan_id;'), N' ')
        FROM #parts AS p
        INNER JOIN #columns AS c ON c.name = CONCAT(p.source, N'.', QUOTENAME(p.column_name)));
    IF @Composed IS NULL
        RETURN 0;
    BEGIN TRY
        EXECUTE (@Composed);
    END TRY
    BEGIN CATCH
        -- Of other errors the text may show a value.
        SET @Message = REPLACE(LEFT(CONCAT(N'The columns ', @Columns, N' of ', COALESCE(@ColumnsFrom, N'dbo.scan_columns'),
            N' cannot be read (error ', ERROR_NUMBER(), IIF(ERROR_NUMBER() IN (207, 208, 229, 230), N': ' + ERROR_MESSAGE(), N''),
            N'). Name columns of numbers in a view with a column scan_id, or ask for SELECT on it.'), 1900), N'%', N'%%');
        THROW 50277, @Message, 1;
    END CATCH;
END;
