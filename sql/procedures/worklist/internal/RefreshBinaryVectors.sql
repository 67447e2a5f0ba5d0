-- RefreshBinaryVectors: makes the vectors in float32 that #vectors asks for where they are missing, damaged,
-- or of another vector than is stored now.
-- Called by SimilarPatients and SimilarToSlices, whose table #vectors it reads.
CREATE OR ALTER PROCEDURE internal.RefreshBinaryVectors
    @FeatureSetId INT,      -- feature set of the vectors
    @Pooling NVARCHAR(32),  -- their pooling
    @RunId INT = NULL       -- row of dbo.runs that ends with a refusal
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Locked INT, @ErrorNumber INT, @ErrorMessage NVARCHAR(2000);
    DECLARE @Language NVARCHAR(128);
    EXECUTE internal.ReadSettings @Language OUTPUT;
    CREATE TABLE #stale (scan_id INT NOT NULL PRIMARY KEY);
    CREATE TABLE #some (scan_id INT NOT NULL PRIMARY KEY, vector NVARCHAR(MAX) COLLATE DATABASE_DEFAULT NULL);
    CREATE TABLE #arrays (scan_id INT NULL, array VARCHAR(MAX) COLLATE DATABASE_DEFAULT NULL);
    CREATE TABLE #sent (place INT NOT NULL, part INT NOT NULL);
    CREATE TABLE #came (place INT NULL, part INT NULL);
    INSERT INTO #stale (scan_id)
    SELECT v.scan_id
    FROM #vectors AS v
    LEFT JOIN dbo.binary_vectors AS u ON u.scan_id = v.scan_id AND u.feature_set_id = @FeatureSetId AND u.pooling = @Pooling
    WHERE u.scan_id IS NULL OR u.vector_sha256 <> v.vector_sha256 OR u.array_sha256 <> HASHBYTES('SHA2_256', u.array);

    WHILE EXISTS (SELECT 1 FROM #stale)
    BEGIN
        DELETE FROM #some;
        DELETE FROM #arrays;
        DELETE FROM #sent;
        DELETE FROM #came;
        -- At most half of the gigabyte that a script takes, but one vector.
        INSERT INTO #some (scan_id, vector)
        SELECT a.scan_id, f.vector
        FROM (
            SELECT t.scan_id, ROW_NUMBER() OVER (ORDER BY t.scan_id) AS position,
                SUM(CAST(COALESCE(DATALENGTH(p.vector), 0) AS BIGINT)) OVER (ORDER BY t.scan_id ROWS UNBOUNDED PRECEDING) AS bytes_so_far
            FROM (SELECT TOP (2000) scan_id FROM #stale ORDER BY scan_id) AS t
            LEFT JOIN dbo.pooled_features AS p ON p.scan_id = t.scan_id AND p.feature_set_id = @FeatureSetId AND p.pooling = @Pooling) AS a
        LEFT JOIN dbo.pooled_features AS f ON f.scan_id = a.scan_id AND f.feature_set_id = @FeatureSetId AND f.pooling = @Pooling
        WHERE a.position = 1 OR a.bytes_so_far <= 536870912;
        INSERT INTO #arrays (scan_id, array)
        EXECUTE sp_execute_external_script
            @language = @Language,
            @script = N'
def main(scans):
    from lungdb.procedures import binary_vectors
    return binary_vectors(scans)

OutputDataSet, ErrorNumber, ErrorMessage = main(InputDataSet)
',
            @input_data_1 = N'SELECT scan_id, vector FROM #some WHERE vector IS NOT NULL ORDER BY scan_id;',
            @params = N'@ErrorNumber INT OUTPUT, @ErrorMessage NVARCHAR(2000) OUTPUT',
            @ErrorNumber = @ErrorNumber OUTPUT, @ErrorMessage = @ErrorMessage OUTPUT;
        IF @ErrorNumber <> 0
            EXECUTE internal.EndRun @RunId, 0, @ErrorMessage;
        IF @ErrorNumber <> 0
        BEGIN
            SET @Message = REPLACE(@ErrorMessage, N'%', N'%%');
            THROW @ErrorNumber, @Message, 1;
        END;

        INSERT INTO #sent (place, part)
        SELECT scan_id, 1 FROM #some WHERE vector IS NOT NULL;
        INSERT INTO #came (place, part)
        SELECT scan_id, 1 FROM #arrays;
        EXECUTE internal.CheckRows N'scan_ids', @RunId;

        BEGIN TRANSACTION;
        -- First the vectors, then what is made of them: the order in which StoreFeatures deletes.
        SET @Locked = (
            SELECT COUNT(*) FROM dbo.pooled_features WITH (UPDLOCK, HOLDLOCK)
            WHERE feature_set_id = @FeatureSetId AND pooling = @Pooling AND scan_id IN (SELECT scan_id FROM #some));
        DELETE FROM dbo.binary_vectors
        WHERE feature_set_id = @FeatureSetId AND pooling = @Pooling AND scan_id IN (SELECT scan_id FROM #some);
        -- Should a vector have changed since #vectors was filled, the next call finds another hash and makes the array again.
        INSERT INTO dbo.binary_vectors (scan_id, feature_set_id, pooling, vector_sha256, array, array_sha256)
        SELECT t.scan_id, @FeatureSetId, @Pooling, v.vector_sha256, CONVERT(VARBINARY(MAX), COALESCE(t.array, ''), 2),
            HASHBYTES('SHA2_256', CONVERT(VARBINARY(MAX), COALESCE(t.array, ''), 2))
        FROM #arrays AS t
        INNER JOIN #vectors AS v ON v.scan_id = t.scan_id
        INNER JOIN dbo.pooled_features AS f ON f.scan_id = t.scan_id AND f.feature_set_id = @FeatureSetId AND f.pooling = @Pooling
        WHERE NOT EXISTS (
            SELECT 1 FROM dbo.binary_vectors AS u WITH (UPDLOCK, HOLDLOCK)
            WHERE u.scan_id = t.scan_id AND u.feature_set_id = @FeatureSetId AND u.pooling = @Pooling);
        COMMIT TRANSACTION;
        DELETE FROM #stale WHERE scan_id IN (SELECT scan_id FROM #some);
    END;
END;
