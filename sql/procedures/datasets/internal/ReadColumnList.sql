-- ReadColumnList: fills #parts with columns of a view or table, and refuses what has no scan_id and columns that are no numbers. Names are
-- looked up and quoted before they become part of a text that is run, with the caller's own rights.
-- Called by CombineFeatures, whose table #parts it fills.
CREATE OR ALTER PROCEDURE internal.ReadColumnList
    @Columns NVARCHAR(MAX),     -- columns with commas between
    @ColumnsFrom NVARCHAR(257)  -- view or table that has them and a scan_id, or NULL for dbo.scan_columns
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Source NVARCHAR(300), @Composed NVARCHAR(2000), @Position INT = -1, @Column NVARCHAR(128);
    CREATE TABLE #asked_columns (position INT NOT NULL PRIMARY KEY, name NVARCHAR(400) COLLATE DATABASE_DEFAULT NOT NULL);
    CREATE TABLE #probe (x FLOAT NULL);
    SET @ColumnsFrom = COALESCE(@ColumnsFrom, N'dbo.scan_columns');
    SET @Source = (
        SELECT CONCAT(QUOTENAME(s.name), N'.', QUOTENAME(o.name))
        FROM sys.objects AS o
        INNER JOIN sys.schemas AS s ON s.schema_id = o.schema_id
        WHERE o.object_id = OBJECT_ID(@ColumnsFrom) AND o.type IN ('U', 'V') AND @ColumnsFrom NOT LIKE N'%.%.%');
    IF @Source IS NULL OR LEN(@Source) > 257
    BEGIN
        SET @Message = REPLACE(CONCAT(N'There is no view or table ''', @ColumnsFrom, N''' that @ColumnsFrom could mean, or no right to ',
            N'read it. Give the name of one in this database that has a column scan_id, such as dbo.scan_columns.'), N'%', N'%%');
        THROW 50277, @Message, 1;
    END;
    INSERT INTO #asked_columns (position, name)
    SELECT CAST([key] AS INT), LEFT(LTRIM(RTRIM([value])), 400)
    FROM OPENJSON(CONCAT(N'["', REPLACE(STRING_ESCAPE(@Columns, 'json'), N',', N'","'), N'"]'));
    SELECT TOP (1) @Message = CONCAT(N'@Columns has ''', MIN(LEFT(name, 128)), N''' ', COUNT(*),
        N' times, is empty, or names scan_id, which is no property of a scan. Give each column once, with commas between.')
    FROM #asked_columns
    GROUP BY LOWER(name)
    HAVING COUNT(*) > 1 OR MIN(name) = N'' OR MIN(LOWER(name)) = N'scan_id' OR MAX(LEN(name)) > 128;

    -- A sum refuses what is no number before it reads a row, and its message says the type; it takes no bit, which is a number here.
    WHILE @Message IS NULL AND EXISTS (SELECT 1 FROM #asked_columns WHERE position > @Position)
    BEGIN
        SELECT TOP (1) @Position = position, @Column = name FROM #asked_columns WHERE position > @Position ORDER BY position;
        SET @Composed = CONCAT(N'INSERT INTO #probe (x) SELECT SUM(q.', QUOTENAME(@Column), N') FROM ', @Source,
            N' AS q WHERE q.scan_id = -1 AND 1 = 0;');
        BEGIN TRY
            EXECUTE (@Composed);
        END TRY
        BEGIN CATCH
            IF ERROR_NUMBER() <> 8117 OR ERROR_MESSAGE() NOT LIKE N'% bit %'
                SET @Message = CONCAT(N'The column ''', @Column, N''' of ', @Source, N' cannot be a feature: ', ERROR_MESSAGE(),
                    N' Columns need numbers (bit, int, decimal, float and the like), beside a column scan_id.');
        END CATCH;
    END;
    IF @Message IS NULL
    BEGIN
        SET @Composed = CONCAT(N'INSERT INTO #probe (x) SELECT MIN(d.scan_id) FROM (SELECT q.scan_id FROM ', @Source,
            N' AS q GROUP BY q.scan_id HAVING COUNT(*) > 1) AS d;');
        EXECUTE (@Composed);
        SET @Message = (
            SELECT CONCAT(@Source, N' has several rows of the scan ', MAX(x), N', where a scan has one value. Give a view with one row ',
                N'a scan.')
            FROM #probe
            HAVING MAX(x) IS NOT NULL);
    END;
    IF @Message IS NOT NULL
    BEGIN
        SET @Message = REPLACE(LEFT(@Message, 1900), N'%', N'%%');
        THROW 50277, @Message, 1;
    END;
    INSERT INTO #parts (source, column_name, width)
    SELECT @Source, name, 1
    FROM #asked_columns AS n
    WHERE NOT EXISTS (SELECT 1 FROM #parts AS p WHERE p.source = @Source AND p.column_name = n.name);
END;
