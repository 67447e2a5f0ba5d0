-- StoreRun: puts the rows that a script of RunOnDataset gave into its table, all or none, with the caller's own rights. The text that it
-- runs is made of quoted names and types only.
-- Called by RunOnDataset, whose table #lines it reads: a JSON array a row of the result, and before them, as place 0, the columns.
CREATE OR ALTER PROCEDURE internal.StoreRun
    @Target NVARCHAR(300) -- the table, quoted
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Names NVARCHAR(MAX), @Values NVARCHAR(MAX), @Composed NVARCHAR(MAX), @Rows INT;
    CREATE TABLE #cells (
        place INT NOT NULL, position INT NOT NULL, value NVARCHAR(MAX) COLLATE DATABASE_DEFAULT NULL, PRIMARY KEY (place, position));
    INSERT INTO #cells (place, position, value)
    SELECT l.place, CAST(v.[key] AS INT), v.[value]
    FROM #lines AS l
    CROSS APPLY OPENJSON(l.line) AS v
    WHERE l.place > 0;
    SELECT @Names = STRING_AGG(CAST(QUOTENAME(c.name) AS NVARCHAR(MAX)), N', ') WITHIN GROUP (ORDER BY c.column_id),
        @Values = STRING_AGG(CONCAT(CAST(CASE WHEN t.name IN (N'varbinary', N'binary') THEN N'CONVERT(' ELSE N'CAST(' END AS NVARCHAR(MAX)),
            CASE WHEN t.name IN (N'varbinary', N'binary')
                THEN CONCAT(t.name, IIF(c.max_length = -1, N'(MAX)', CONCAT(N'(', c.max_length, N')')), N', ') ELSE N'' END,
            N'MAX(CASE WHEN c.position = ', CAST(v.[key] AS INT), N' THEN c.value END)',
            CASE WHEN t.name IN (N'varbinary', N'binary') THEN N', 2)'
                WHEN t.name IN (N'nvarchar', N'nchar')
                    THEN CONCAT(N' AS ', t.name, IIF(c.max_length = -1, N'(MAX))', CONCAT(N'(', c.max_length / 2, N'))')))
                WHEN t.name IN (N'varchar', N'char')
                    THEN CONCAT(N' AS ', t.name, IIF(c.max_length = -1, N'(MAX))', CONCAT(N'(', c.max_length, N'))')))
                WHEN t.name IN (N'decimal', N'numeric') THEN CONCAT(N' AS ', t.name, N'(', c.[precision], N', ', c.scale, N'))')
                ELSE CONCAT(N' AS ', t.name, N')') END), N', ') WITHIN GROUP (ORDER BY c.column_id)
    FROM (SELECT line FROM #lines WHERE place = 0) AS l
    CROSS APPLY OPENJSON(l.line) AS v
    INNER JOIN sys.columns AS c ON c.object_id = OBJECT_ID(@Target) AND c.name = v.[value]
    INNER JOIN sys.types AS t ON t.user_type_id = c.user_type_id;
    SET @Rows = (SELECT COUNT(DISTINCT place) FROM #cells);
    IF @Rows > 0
    BEGIN
        SET @Composed = CONCAT(N'INSERT INTO ', @Target, N' (', @Names, N') SELECT ', @Values,
            N' FROM #cells AS c GROUP BY c.place ORDER BY c.place;');
        BEGIN TRY
            EXECUTE (@Composed);
        END TRY
        BEGIN CATCH
            SET @Message = REPLACE(LEFT(CONCAT(N'The table ', @Target, N' does not take what the script gave, and nothing is stored ',
                N'(error ', ERROR_NUMBER(), N': ', ERROR_MESSAGE(), N'). Give OutputDataSet values that fit its columns.'), 1900),
                N'%', N'%%');
            THROW 50396, @Message, 1;
        END CATCH;
    END;
    SET @Message = CONCAT(@Rows, N' rows are stored in ', @Target, N'.');
    RAISERROR(N'%s', 0, 1, @Message) WITH NOWAIT;
END;
