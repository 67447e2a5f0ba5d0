-- FindSimilarRows: finds the rows of the arrays of #compared that are most like one, and puts them into #similar_rows. It reads the arrays
-- twice, 256 MB at a time: for the means and standard deviations, then for the similarities.
-- Called by SimilarSlices, SimilarImages and SimilarToSlices.
CREATE OR ALTER PROCEDURE internal.FindSimilarRows
    @FeatureSetId INT,      -- feature set of the arrays
    @Array VARBINARY(MAX),  -- the row to compare with, float32 little-endian
    @Limit INT,             -- rows to find
    @RunId INT = NULL       -- row of dbo.runs that ends with a refusal
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Language NVARCHAR(128), @ErrorNumber INT, @ErrorMessage NVARCHAR(2000);
    DECLARE @Lot INT = 0, @Lots INT, @Sums VARBINARY(MAX) = 0x, @Rows INT, @Wanted BIGINT;
    CREATE TABLE #lots (place INT NOT NULL PRIMARY KEY, lot INT NOT NULL);
    CREATE TABLE #lot (
        place INT NOT NULL PRIMARY KEY, array_rows INT NOT NULL, array_cols INT NOT NULL, array VARBINARY(MAX) NOT NULL,
        sha256 VARBINARY(32) NOT NULL);
    CREATE TABLE #near (place INT NULL, row_index INT NULL, similarity FLOAT NULL);
    CREATE TABLE #best (place INT NOT NULL, row_index INT NOT NULL, similarity FLOAT NOT NULL);
    CREATE TABLE #sent (place INT NOT NULL, part INT NOT NULL);
    CREATE TABLE #came (place INT NULL, part INT NULL);
    EXECUTE internal.ReadSettings @Language OUTPUT;
    INSERT INTO #lots (place, lot)
    SELECT c.place, CAST((SUM(c.bytes) OVER (ORDER BY c.place ROWS UNBOUNDED PRECEDING) - c.bytes) / 268435456 AS INT)
    FROM #compared AS c;
    SET @Lots = (SELECT MAX(lot) FROM #lots);

    WHILE @Lot <= @Lots
    BEGIN
        EXECUTE internal.TakeSimilarLot @FeatureSetId, @Lot;
        EXECUTE internal.AddSimilarRows @Array, @Sums OUTPUT, @RunId;
        SET @Lot = @Lot + 1;
    END;

    SET @Lot = 0;
    WHILE @Lot <= @Lots
    BEGIN
        DELETE FROM #near;
        DELETE FROM #sent;
        DELETE FROM #came;
        EXECUTE internal.TakeSimilarLot @FeatureSetId, @Lot;
        INSERT INTO #near (place, row_index, similarity)
        EXECUTE sp_execute_external_script
            @language = @Language,
            @script = N'
def main(arrays, sums, array, limit):
    from lungdb.procedures import similar_rows
    return similar_rows(arrays, sums, array, limit)

OutputDataSet, ErrorNumber, ErrorMessage = main(InputDataSet, Sums, Array, Limit)
',
            @input_data_1 = N'
SELECT place, array_rows, array_cols, CONVERT(VARCHAR(MAX), array, 2) AS array, CONVERT(VARCHAR(64), sha256, 2) AS sha256
FROM #lot
ORDER BY place;',
            @params = N'@Sums VARBINARY(MAX), @Array VARBINARY(MAX), @Limit INT, @ErrorNumber INT OUTPUT,
                @ErrorMessage NVARCHAR(2000) OUTPUT',
            @Sums = @Sums, @Array = @Array, @Limit = @Limit, @ErrorNumber = @ErrorNumber OUTPUT, @ErrorMessage = @ErrorMessage OUTPUT;
        IF @ErrorNumber <> 0
            EXECUTE internal.EndRun @RunId, 0, @ErrorMessage;
        IF @ErrorNumber <> 0
        BEGIN
            SET @Message = REPLACE(@ErrorMessage, N'%', N'%%');
            THROW @ErrorNumber, @Message, 1;
        END;

        -- Rows of arrays that were sent, counted from 1, each once; and as many as were asked for or are there.
        INSERT INTO #sent (place, part)
        SELECT n.place, ROW_NUMBER() OVER (ORDER BY n.place, n.row_index)
        FROM (SELECT DISTINCT place, row_index FROM #near WHERE similarity BETWEEN -1 AND 1) AS n
        INNER JOIN #lot AS l ON l.place = n.place
        WHERE n.row_index BETWEEN 0 AND l.array_rows - 1;
        INSERT INTO #came (place, part)
        SELECT place, part FROM #sent;
        SELECT @Rows = COUNT(*), @Wanted = (SELECT SUM(CAST(array_rows AS BIGINT)) FROM #lot) FROM #near;
        IF @Rows <> (SELECT COUNT(*) FROM #sent) OR @Rows < IIF(@Wanted < @Limit, @Wanted, @Limit)
            INSERT INTO #came (place, part)
            VALUES (-1, 0);
        EXECUTE internal.CheckRows N'places', @RunId;
        INSERT INTO #best (place, row_index, similarity)
        SELECT place, row_index, similarity FROM #near;
        SET @Lot = @Lot + 1;
    END;
    INSERT INTO #similar_rows (place, row_index, similarity)
    SELECT TOP (@Limit) place, row_index, similarity
    FROM #best
    ORDER BY similarity DESC, place, row_index;
END;
