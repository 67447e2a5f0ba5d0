-- FindSubgroups: fills #groups and #grouped with the values of columns that at least 10 patients of either class have. A column of
-- numbers with more than 12 values is parted at its quarters. Numbers that differ have names that differ. What is not shown is counted, and
-- its values are kept nowhere.
-- Called by EvaluateModel, whose tables #groups and #grouped it fills, and whose table #evaluated it reads. The text that it runs is made
-- of quoted names only, and runs with the caller's own rights.
CREATE OR ALTER PROCEDURE internal.FindSubgroups
    @Subgroups NVARCHAR(2000),    -- columns with commas between, or NULL
    @SubgroupsFrom NVARCHAR(257)  -- view or table with a column scan_id
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Source NVARCHAR(600), @Composed NVARCHAR(MAX), @Column NVARCHAR(128), @IsNumber BIT;
    DECLARE @ObjectId INT = IIF(@SubgroupsFrom LIKE N'%.%.%', NULL, OBJECT_ID(@SubgroupsFrom));
    DECLARE @Fewest INT = 10, @Kinds INT = 12;
    IF @Subgroups IS NULL
        RETURN 0;
    CREATE TABLE #asked (column_name NVARCHAR(128) COLLATE DATABASE_DEFAULT NULL, is_number BIT NULL);
    CREATE TABLE #probe (x FLOAT NULL);
    CREATE TABLE #values (
        place INT NOT NULL, column_name NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL, value NVARCHAR(200) COLLATE DATABASE_DEFAULT NULL);
    INSERT INTO #asked (column_name)
    SELECT DISTINCT LEFT(LTRIM(RTRIM(value)), 128) FROM STRING_SPLIT(@Subgroups, N',');
    SET @Source = (
        SELECT QUOTENAME(s.name) + N'.' + QUOTENAME(o.name)
        FROM sys.objects AS o
        INNER JOIN sys.schemas AS s ON s.schema_id = o.schema_id
        WHERE o.object_id = @ObjectId AND o.type IN ('U', 'V'));
    IF @Source IS NULL
    BEGIN
        SET @Message = REPLACE(CONCAT(N'There is no view or table ', COALESCE(@SubgroupsFrom, N'NULL'), N' to read subgroups from. ',
            N'Give @SubgroupsFrom one with a column scan_id, and @Subgroups columns of it, such as sex, manufacturer.'), N'%', N'%%');
        THROW 50287, @Message, 1;
    END;

    -- A sum refuses what is no number before it reads a row.
    WHILE EXISTS (SELECT 1 FROM #asked WHERE is_number IS NULL)
    BEGIN
        SELECT TOP (1) @Column = column_name, @IsNumber = 1 FROM #asked WHERE is_number IS NULL;
        SET @Composed = CONCAT(N'INSERT INTO #probe (x) SELECT SUM(q.', QUOTENAME(@Column), N') FROM ', @Source, N' AS q WHERE 1 = 0;');
        BEGIN TRY
            EXECUTE (@Composed);
        END TRY
        BEGIN CATCH
            SET @IsNumber = 0;
        END CATCH;
        UPDATE #asked SET is_number = @IsNumber WHERE COALESCE(column_name, N'') = COALESCE(@Column, N'');
    END;
    -- A FLOAT becomes a text of six digits, unless style 3 asks for all; the short one is taken where it means the same number.
    SET @Composed = (
        SELECT STRING_AGG(CONCAT(CAST(N'' AS NVARCHAR(MAX)), N'INSERT INTO #values (place, column_name, value) SELECT DISTINCT e.place, N',
            QUOTENAME(a.column_name, N''''), N', ', IIF(a.is_number = 1, REPLACE(N'
                CASE WHEN TRY_CAST(CAST(@C AS NVARCHAR(200)) AS FLOAT) = @C
                OR (TRY_CAST(CAST(@C AS NVARCHAR(200)) AS REAL) = TRY_CAST(@C AS REAL) AND CAST(TRY_CAST(@C AS REAL) AS FLOAT) = @C)
                THEN CAST(@C AS NVARCHAR(200)) ELSE CONVERT(NVARCHAR(200), CAST(@C AS FLOAT), 3) END', N'@C',
                N'q.' + QUOTENAME(a.column_name)), CONCAT(N'CAST(q.', QUOTENAME(a.column_name), N' AS NVARCHAR(200))')),
            N' FROM #evaluated AS e LEFT JOIN ', @Source, N' AS q ON q.scan_id = e.scan_id WHERE e.label IS NOT NULL;'), N' ')
            WITHIN GROUP (ORDER BY a.column_name)
        FROM #asked AS a);
    BEGIN TRY
        EXECUTE (@Composed);
    END TRY
    BEGIN CATCH
        -- Of other errors the text may show a value.
        SET @Message = REPLACE(LEFT(CONCAT(N'The columns ', @Subgroups, N' of ', @SubgroupsFrom, N' cannot be read (error ', ERROR_NUMBER(),
            IIF(ERROR_NUMBER() IN (207, 208, 229, 230), N': ' + ERROR_MESSAGE(), N''),
            N'). Name columns of numbers or texts, with commas between, in a view with a column scan_id.'), 1900), N'%', N'%%');
        THROW 50287, @Message, 1;
    END CATCH;

    -- A value belongs to the lowest quarter that holds it, so that equal ones stay together.
    WITH numbers AS (
        SELECT place, column_name, value, TRY_CAST(value AS FLOAT) AS x
        FROM #values
        WHERE column_name IN (
            SELECT column_name FROM #values WHERE value IS NOT NULL
            GROUP BY column_name
            HAVING COUNT(DISTINCT value) > @Kinds AND COUNT(*) = COUNT(TRY_CAST(value AS FLOAT))) AND value IS NOT NULL
    ), parted AS (
        SELECT place, column_name, x, NTILE(4) OVER (PARTITION BY column_name ORDER BY x) AS quarter
        FROM numbers
    ), kept AS (
        SELECT column_name, x, MIN(quarter) AS quarter FROM parted GROUP BY column_name, x
    ), bounds AS (
        SELECT k.column_name, k.quarter, CONCAT(
                (SELECT MIN(n.value) FROM numbers AS n WHERE n.column_name = k.column_name AND n.x = k.low), N' to ',
                (SELECT MIN(n.value) FROM numbers AS n WHERE n.column_name = k.column_name AND n.x = k.high)) AS name
        FROM (SELECT column_name, quarter, MIN(x) AS low, MAX(x) AS high FROM kept GROUP BY column_name, quarter) AS k
    )
    UPDATE v
    SET v.value = b.name
    FROM #values AS v
    INNER JOIN numbers AS n ON n.place = v.place AND n.column_name = v.column_name AND n.value = v.value
    INNER JOIN kept AS k ON k.column_name = n.column_name AND k.x = n.x
    INNER JOIN bounds AS b ON b.column_name = k.column_name AND b.quarter = k.quarter;
    UPDATE #values SET value = N'missing' WHERE value IS NULL;

    INSERT INTO #groups (column_name, value)
    SELECT v.column_name, v.value
    FROM #values AS v
    INNER JOIN #evaluated AS e ON e.place = v.place
    GROUP BY v.column_name, v.value
    HAVING COUNT(DISTINCT CASE e.label WHEN 1 THEN e.patient END) >= @Fewest
        AND COUNT(DISTINCT CASE e.label WHEN 0 THEN e.patient END) >= @Fewest
    ORDER BY v.column_name, v.value;
    INSERT INTO #grouped (group_id, place)
    SELECT DISTINCT g.group_id, v.place
    FROM #groups AS g
    INNER JOIN #values AS v ON v.column_name = g.column_name AND v.value = g.value;
    INSERT INTO #groups (column_name, values_hidden)
    SELECT v.column_name, COUNT(DISTINCT v.value)
    FROM #values AS v
    WHERE NOT EXISTS (SELECT 1 FROM #groups AS g WHERE g.column_name = v.column_name AND g.value = v.value)
    GROUP BY v.column_name
    ORDER BY v.column_name;
END;
