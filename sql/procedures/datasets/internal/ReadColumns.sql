-- ReadColumns: fills #pieces with the values of the columns of a combined feature set for the scans in #combine. A value is brought to
-- single precision, the one that models read, and written with all its digits. The text that it runs is made of quoted names only; it
-- runs with the caller's own rights, so that whoever scores needs SELECT on the views named.
-- Called by FillCombinedFeatures, whose table #pieces it fills; #combine is that of FillCombinedFeatures' callers.
CREATE OR ALTER PROCEDURE internal.ReadColumns
    @FeatureSetId INT -- combined feature set
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Composed NVARCHAR(MAX), @Columns NVARCHAR(1000), @Sources NVARCHAR(600);
    CREATE TABLE #values (scan_id INT NOT NULL, position INT NOT NULL, x FLOAT NULL);
    SELECT @Composed = STRING_AGG(CONCAT(CAST(N'' AS NVARCHAR(MAX)),
            N'INSERT INTO #values (scan_id, position, x) SELECT q.scan_id, ', position, N', CAST(q.', QUOTENAME(column_name),
            N' AS FLOAT) FROM ', source, N' AS q INNER JOIN #combine AS c ON c.scan_id = q.scan_id;'), N' '),
        @Columns = LEFT(STRING_AGG(CAST(column_name AS NVARCHAR(MAX)), N', ') WITHIN GROUP (ORDER BY position), 1000),
        @Sources = LEFT(MAX(source), 600)
    FROM dbo.feature_parts
    WHERE feature_set_id = @FeatureSetId AND column_name IS NOT NULL;
    IF @Composed IS NULL
        RETURN 0;
    BEGIN TRY
        EXECUTE (@Composed);
    END TRY
    BEGIN CATCH
        -- Of other errors the text may show a value.
        SET @Message = REPLACE(LEFT(CONCAT(N'The columns ', @Columns, N' of ', @Sources, N', which the features are combined of, cannot ',
            N'be read (error ', ERROR_NUMBER(), IIF(ERROR_NUMBER() IN (207, 208, 229, 230), N': ' + ERROR_MESSAGE(), N''),
            N'). Make them numbers again, one row a scan, or ask for SELECT on the view.'), 1900), N'%', N'%%');
        THROW 50277, @Message, 1;
    END CATCH;

    SELECT TOP (1) @Message = CONCAT(N'The column ', p.column_name, N' of ', p.source, N' has ', COUNT(*),
        N' rows of the scan ', v.scan_id, N', where a scan has one value. Make it one row a scan.')
    FROM #values AS v
    INNER JOIN dbo.feature_parts AS p ON p.feature_set_id = @FeatureSetId AND p.position = v.position
    GROUP BY v.scan_id, p.position, p.column_name, p.source
    HAVING COUNT(*) > 1
    ORDER BY v.scan_id, p.position;
    IF @Message IS NULL
        SELECT TOP (1) @Message = CONCAT(N'The column ', p.column_name, N' of ', p.source, N' holds for the scan ', v.scan_id,
            N' a number that single precision cannot hold. Scale the column, or set the value to NULL.')
        FROM #values AS v
        INNER JOIN dbo.feature_parts AS p ON p.feature_set_id = @FeatureSetId AND p.position = v.position
        WHERE v.x > CAST(N'3.4028234663852886e38' AS FLOAT) OR v.x < CAST(N'-3.4028234663852886e38' AS FLOAT)
        ORDER BY v.scan_id, p.position;
    IF @Message IS NOT NULL
    BEGIN
        SET @Message = REPLACE(@Message, N'%', N'%%');
        THROW 50277, @Message, 1;
    END;

    INSERT INTO #pieces (scan_id, position, piece, is_sound)
    SELECT c.scan_id, p.position, COALESCE(IIF(v.x = FLOOR(v.x) AND ABS(v.x) < 1000000, CAST(CAST(v.x AS INT) AS NVARCHAR(12)),
        CONVERT(NVARCHAR(40), CAST(v.x AS REAL), 3)), N'null'), 1
    FROM dbo.feature_parts AS p
    CROSS JOIN #combine AS c
    LEFT JOIN #values AS v ON v.scan_id = c.scan_id AND v.position = p.position
    WHERE p.feature_set_id = @FeatureSetId AND p.column_name IS NOT NULL;
END;
