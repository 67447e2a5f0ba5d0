-- StorePooled: checks that what the script gave back is what it was sent, and stores the vectors of the scans that did not fail, in one
-- transaction. A scan whose features were replaced or removed meanwhile, or that failed, becomes a row of #failed, and is named.
-- Called by PoolFeatures, whose tables #chunk and #result it reads and #failed it fills.
CREATE OR ALTER PROCEDURE internal.StorePooled
    @RunId INT,               -- row of dbo.runs
    @NetworkId INT,           -- the network that pools
    @FeatureSetId INT,        -- the features
    @Pooling NVARCHAR(32)     -- what the pooling is called
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @ScanId INT = 0, @Locked INT;
    CREATE TABLE #sent (place INT NOT NULL, part INT NOT NULL);
    CREATE TABLE #came (place INT NULL, part INT NULL);
    CREATE TABLE #new (scan_id INT NOT NULL PRIMARY KEY, error NVARCHAR(2000) COLLATE DATABASE_DEFAULT NOT NULL);
    -- Not every runtime tells an empty text from NULL.
    UPDATE #result SET error = N'' WHERE error IS NULL;
    INSERT INTO #sent (place, part) SELECT scan_id, 1 FROM #chunk;
    INSERT INTO #came (place, part) SELECT scan_id, CASE WHEN error <> N'' OR ISJSON(vector) = 1 THEN 1 ELSE 0 END FROM #result;
    EXECUTE internal.CheckRows N'scan_ids', @RunId;

    BEGIN TRANSACTION;
    -- First the worklist, then the rest, as StoreFeatures and DeleteFeatures do, which change features after vectors.
    SET @Locked = (SELECT COUNT(*) FROM dbo.worklist WITH (UPDLOCK, HOLDLOCK) WHERE scan_id IN (SELECT scan_id FROM #chunk));
    SET @Locked = (SELECT COUNT(*) FROM dbo.scans WITH (UPDLOCK, HOLDLOCK) WHERE scan_id IN (SELECT scan_id FROM #chunk));
    IF NOT EXISTS (SELECT 1 FROM dbo.networks WITH (UPDLOCK, HOLDLOCK) WHERE network_id = @NetworkId)
    BEGIN
        ROLLBACK TRANSACTION;
        SET @Message = N'The network was deleted while it pooled. Load it again, or take another one.';
        EXECUTE internal.EndRun @RunId, 0, @Message;
        THROW 50232, @Message, 1;
    END;
    INSERT INTO #new (scan_id, error)
    SELECT c.scan_id, N'Its features were replaced or removed while they were pooled. Call PoolFeatures again.'
    FROM #chunk AS c
    LEFT JOIN dbo.features AS f WITH (UPDLOCK, HOLDLOCK)
        ON f.scan_id = c.scan_id AND f.feature_set_id = @FeatureSetId AND f.sha256 = c.sha256
    WHERE f.scan_id IS NULL;
    INSERT INTO #new (scan_id, error)
    SELECT c.scan_id, CASE WHEN DATALENGTH(c.array) = 0 THEN N'Its features are more than 1 GB as they are sent to the script.'
            ELSE r.error END
    FROM #chunk AS c
    INNER JOIN #result AS r ON r.scan_id = c.scan_id
    WHERE r.error <> N'' AND c.scan_id NOT IN (SELECT scan_id FROM #new);
    DELETE FROM dbo.pooled_features
    WHERE feature_set_id = @FeatureSetId AND pooling = @Pooling AND scan_id IN (
        SELECT scan_id FROM #chunk WHERE scan_id NOT IN (SELECT scan_id FROM #new));
    INSERT INTO dbo.pooled_features (scan_id, feature_set_id, pooling, vector, vector_sha256)
    SELECT r.scan_id, @FeatureSetId, @Pooling, r.vector, HASHBYTES('SHA2_256', CONVERT(VARBINARY(MAX), r.vector))
    FROM #result AS r
    WHERE r.scan_id NOT IN (SELECT scan_id FROM #new);
    COMMIT TRANSACTION;

    INSERT INTO #failed (scan_id, error)
    SELECT scan_id, error FROM #new;
    WHILE @ScanId IS NOT NULL
    BEGIN
        SET @ScanId = (SELECT MIN(scan_id) FROM #new WHERE scan_id > @ScanId);
        SET @Message = (
            SELECT CONCAT(N'Scan ', f.scan_id, N' (patient index ' + CAST(p.idx AS NVARCHAR(12)) + N')', N' failed: ', LEFT(f.error, 1800))
            FROM #new AS f
            LEFT JOIN dbo.scans AS s ON s.scan_id = f.scan_id
            LEFT JOIN dbo.patients AS p ON p.patient_id = s.patient_id
            WHERE f.scan_id = @ScanId);
        IF @ScanId IS NOT NULL
            EXECUTE internal.ReportStep @RunId, @Message;
    END;
END;
