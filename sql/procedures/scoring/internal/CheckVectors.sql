-- CheckVectors: refuses vectors that are not those that were stored, or together more than a script takes.
-- Called by FindPatients and every other procedure that reads vectors, after filling the table #read with their scan_ids.
CREATE OR ALTER PROCEDURE internal.CheckVectors
    @FeatureSetId INT,      -- feature set of the vectors
    @Pooling NVARCHAR(32),  -- their pooling
    @AreSent BIT = 1,       -- 1 when all of them go to one script
    @RefuseAltered BIT = 1  -- 0 leaves those to the caller that are not what was stored
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Count INT, @Some NVARCHAR(200), @Bytes BIGINT;
    CREATE TABLE #altered (scan_id INT NOT NULL PRIMARY KEY);
    INSERT INTO #altered (scan_id)
    SELECT f.scan_id
    FROM #read AS r
    INNER JOIN dbo.pooled_features AS f ON f.scan_id = r.scan_id
    WHERE @RefuseAltered = 1 AND f.feature_set_id = @FeatureSetId AND f.pooling = @Pooling
        AND COALESCE(f.vector_sha256, 0x) <> HASHBYTES('SHA2_256', CONVERT(VARBINARY(MAX), f.vector));
    SET @Count = (SELECT COUNT(*) FROM #altered);
    IF @Count > 0
    BEGIN
        SET @Some = (SELECT STRING_AGG(CAST(a.scan_id AS NVARCHAR(12)), N', ')
            FROM (SELECT TOP (5) scan_id FROM #altered ORDER BY scan_id) AS a);
        SET @Message = CONCAT(N'The vectors of ', @Count,
            N' scans in dbo.pooled_features do not match their SHA-256, or have none: scan_id ', @Some,
            IIF(@Count > 5, N', …', N''), N'. Call GenerateFeatures with @Recompute = 1 (PoolFeatures for a network''s), or copy them ',
            N'again.');
        THROW 50105, @Message, 1;
    END;

    -- Text goes as UTF-16; above 2 GB in a column a runtime gives wrong data.
    SET @Bytes = (
        SELECT SUM(CAST(DATALENGTH(f.vector) AS BIGINT))
        FROM #read AS r
        INNER JOIN dbo.pooled_features AS f ON f.scan_id = r.scan_id
        WHERE f.feature_set_id = @FeatureSetId AND f.pooling = @Pooling);
    IF @AreSent = 1 AND @Bytes > 1073741824
    BEGIN
        SET @Message = CONCAT(N'The vectors of these ', (SELECT COUNT(*) FROM #read), N' scans are ', @Bytes / 1000000,
            N' MB as they are sent to the script, which takes 1 GB. Take fewer patients, or features of a layer with fewer numbers.');
        THROW 50231, @Message, 1;
    END;
END;
