-- CompareStandardVectors: does what CompareVectors does, by VECTOR_DISTANCE over vectors that are kept standardised, where the server has
-- the type VECTOR (SQL Server 2025, Azure SQL) and it holds so many numbers; exact, without an index. It was never run on such a server:
-- should the server refuse it, CompareVectors does it, unless the caller has a transaction, which the error has ended.
-- Called by SimilarPatients for a primary scan, after RefreshBinaryVectors.
CREATE OR ALTER PROCEDURE internal.CompareStandardVectors
    @FeatureSetId INT,          -- feature set of the vectors
    @Pooling NVARCHAR(32),      -- their pooling
    @ScanId INT,                -- the scan to compare with, one of #vectors
    @PatientId NVARCHAR(64),    -- its patient, whose scans are left out
    @Limit INT,                 -- scans to find
    @Done BIT OUTPUT            -- 1 where #similar is filled, 0 where CompareVectors has to do it
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Bytes INT, @Composed NVARCHAR(MAX), @Sha256 VARBINARY(32), @Number INT;
    SET @Done = 0;
    IF NOT EXISTS (SELECT 1 FROM sys.types WHERE name = N'vector' AND is_user_defined = 0)
        RETURN 0;
    SET @Bytes = (
        SELECT DATALENGTH(array) FROM dbo.binary_vectors
        WHERE scan_id = @ScanId AND feature_set_id = @FeatureSetId AND pooling = @Pooling);
    CREATE TABLE #space (scan_id INT NOT NULL PRIMARY KEY, array VARBINARY(MAX) NOT NULL, array_sha256 VARBINARY(32) NOT NULL);
    CREATE TABLE #standard (
        scan_id INT NOT NULL PRIMARY KEY, vector NVARCHAR(MAX) COLLATE DATABASE_DEFAULT NOT NULL, is_asked BIT NOT NULL);
    INSERT INTO #space (scan_id, array, array_sha256)
    SELECT u.scan_id, u.array, u.array_sha256
    FROM #vectors AS v
    INNER JOIN dbo.binary_vectors AS u ON u.scan_id = v.scan_id
    WHERE u.feature_set_id = @FeatureSetId AND u.pooling = @Pooling AND DATALENGTH(u.array) = @Bytes;
    -- The most numbers of a VECTOR; the fewest scans that are standardised; what a script takes: JSON is up to 16
    -- characters a number.
    IF @Bytes > 4 * 1998 OR (SELECT COUNT(*) FROM #space) < 10
        OR (SELECT 8 * SUM(CAST(DATALENGTH(array) AS BIGINT)) FROM #space) > 1073741824
        RETURN 0;
    EXECUTE internal.RefreshStandardVectors @FeatureSetId, @Pooling, @Sha256 OUTPUT;
    INSERT INTO #standard (scan_id, vector, is_asked)
    SELECT v.scan_id, v.vector, IIF(v.scan_id = @ScanId, 1, 0)
    FROM #space AS p
    INNER JOIN dbo.standard_vectors AS v ON v.scan_id = p.scan_id
    INNER JOIN dbo.scans AS s ON s.scan_id = p.scan_id
    WHERE v.feature_set_id = @FeatureSetId AND v.pooling = @Pooling AND v.space_sha256 = @Sha256
        AND (v.scan_id = @ScanId OR s.patient_id <> @PatientId);
    -- Changed meanwhile, or like nothing.
    IF (SELECT COUNT(*) FROM #space) > (SELECT COUNT(*) FROM #standard) OR EXISTS (
            SELECT 1 FROM #standard WHERE is_asked = 1 AND vector = N'')
        RETURN 0;

    -- Servers before, and the embedded engine, cannot read this.
    SET @Composed = CONCAT(N'
INSERT INTO #similar (scan_id, similarity)
SELECT TOP (', @Limit, N') c.scan_id, CASE WHEN c.similarity > 1 THEN 1 WHEN c.similarity < -1 THEN -1 ELSE c.similarity END
FROM (
    SELECT s.scan_id, CASE WHEN s.vector = N'''' THEN 0
        ELSE 1 - VECTOR_DISTANCE(''cosine'', CAST(NULLIF(s.vector, N'''') AS VECTOR(', @Bytes / 4, N')), a.vector) END AS similarity
    FROM #standard AS s
    CROSS JOIN (SELECT CAST(vector AS VECTOR(', @Bytes / 4, N')) AS vector FROM #standard WHERE is_asked = 1) AS a
    WHERE s.is_asked = 0) AS c
ORDER BY c.similarity DESC, c.scan_id;');
    BEGIN TRY
        EXECUTE (@Composed);
        SET @Done = 1;
    END TRY
    BEGIN CATCH
        -- A transaction that the error has doomed can only be rolled back, by whoever began it.
        IF XACT_STATE() = -1
            THROW;
        SET @Number = ERROR_NUMBER();
        DELETE FROM #similar;
        RAISERROR(N'VECTOR_DISTANCE was refused by this server (error %d): the vectors are compared in Python.', 0, 1, @Number) WITH NOWAIT;
    END CATCH;
END;
