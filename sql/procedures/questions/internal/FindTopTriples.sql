-- FindTopTriples: fills #found with the triples of slices in which a feature is largest, of each group of scans that a script is given.
-- Called by TopSlices and MaximiseImage, whose table #found it fills.
CREATE OR ALTER PROCEDURE internal.FindTopTriples
    @FeatureSetId INT,      -- the feature set
    @Feature INT,           -- feature, from 0
    @Top INT,               -- triples wanted of all
    @DatasetVersionId INT,  -- version of a data set to stay within, or NULL for all scans
    @RunId INT = NULL       -- row of dbo.runs that ends with a refusal
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Language NVARCHAR(128), @ErrorNumber INT, @ErrorMessage NVARCHAR(2000);
    CREATE TABLE #todo (scan_id INT NOT NULL PRIMARY KEY);
    CREATE TABLE #chunk (scan_id INT NOT NULL PRIMARY KEY);
    EXECUTE internal.ReadSettings @Language OUTPUT;
    INSERT INTO #todo (scan_id)
    SELECT f.scan_id
    FROM dbo.features AS f
    WHERE f.feature_set_id = @FeatureSetId AND f.array_rows > 0 AND (@DatasetVersionId IS NULL OR f.scan_id IN (
        SELECT m.scan_id FROM dbo.dataset_members AS m WHERE m.dataset_version_id = @DatasetVersionId))
    OPTION (RECOMPILE);
    IF NOT EXISTS (SELECT 1 FROM #todo)
    BEGIN
        SET @Message = CONCAT(N'No scan asked about has an array of the feature set ', @FeatureSetId,
            N'. Call GenerateFeatures for its network and layer, or give another @FeatureSetId or @Dataset.');
        EXECUTE internal.EndRun @RunId, 0, @Message;
        THROW 50109, @Message, 1;
    END;

    WHILE EXISTS (SELECT 1 FROM #todo)
    BEGIN
        DELETE FROM #chunk;
        -- Arrays of at most 256 MB to a call, but one.
        INSERT INTO #chunk (scan_id)
        SELECT a.scan_id
        FROM (
            SELECT t.scan_id, ROW_NUMBER() OVER (ORDER BY t.scan_id) AS place,
                SUM(CAST(COALESCE(DATALENGTH(f.array), 0) AS BIGINT)) OVER (ORDER BY t.scan_id ROWS UNBOUNDED PRECEDING) AS bytes_so_far
            FROM (SELECT TOP (2000) scan_id FROM #todo ORDER BY scan_id) AS t
            LEFT JOIN dbo.features AS f ON f.scan_id = t.scan_id AND f.feature_set_id = @FeatureSetId) AS a
        WHERE a.place = 1 OR a.bytes_so_far <= 268435456;
        INSERT INTO #found (scan_id, triple, value)
        EXECUTE sp_execute_external_script
            @language = @Language,
            @script = N'
def main(scans, feature, top):
    from lungdb.procedures import top_triples
    return top_triples(scans, feature, top)

OutputDataSet, ErrorNumber, ErrorMessage = main(InputDataSet, Feature, Top)
',
            @input_data_1 = N'
SELECT f.scan_id, f.array_rows, f.array_cols, CONVERT(VARCHAR(MAX), f.array, 2) AS array, CONVERT(VARCHAR(64), f.sha256, 2) AS sha256
FROM #chunk AS c
INNER JOIN dbo.features AS f ON f.scan_id = c.scan_id
WHERE f.feature_set_id = @FeatureSetId
ORDER BY f.scan_id;',
            @params = N'@FeatureSetId INT, @Feature INT, @Top INT, @ErrorNumber INT OUTPUT, @ErrorMessage NVARCHAR(2000) OUTPUT',
            @FeatureSetId = @FeatureSetId, @Feature = @Feature, @Top = @Top,
            @ErrorNumber = @ErrorNumber OUTPUT, @ErrorMessage = @ErrorMessage OUTPUT;
        IF @ErrorNumber <> 0
            EXECUTE internal.EndRun @RunId, 0, @ErrorMessage;
        IF @ErrorNumber <> 0
        BEGIN
            SET @Message = REPLACE(@ErrorMessage, N'%', N'%%');
            THROW @ErrorNumber, @Message, 1;
        END;
        DELETE FROM #todo WHERE scan_id IN (SELECT scan_id FROM #chunk);
    END;
END;
