-- HashScan: compares with their SHA-256 the features of a scan, and the pictures and maps that were made of it.
-- Called by CheckHashes, whose table #hashes it fills.
CREATE OR ALTER PROCEDURE internal.HashScan
    @ScanId INT -- the scan
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    -- A copy of a model brings features without their array.
    INSERT INTO #hashes (kind, number, items, differing)
    SELECT 'feature arrays', @ScanId, COUNT(*), COALESCE(SUM(CASE WHEN sha256 <> HASHBYTES('SHA2_256', array) THEN 1 ELSE 0 END), 0)
    FROM dbo.features
    WHERE scan_id = @ScanId AND NOT (array_rows = 0 AND DATALENGTH(array) = 0)
    UNION ALL
    SELECT 'vectors', @ScanId, COUNT(*), COALESCE(SUM(CASE
        WHEN COALESCE(vector_sha256, 0x) <> HASHBYTES('SHA2_256', CONVERT(VARBINARY(MAX), vector)) THEN 1 ELSE 0 END), 0)
    FROM dbo.pooled_features
    WHERE scan_id = @ScanId
    UNION ALL
    SELECT 'vectors in float32', @ScanId, COUNT(*),
        COALESCE(SUM(CASE WHEN array_sha256 <> HASHBYTES('SHA2_256', array) THEN 1 ELSE 0 END), 0)
    FROM dbo.binary_vectors
    WHERE scan_id = @ScanId
    UNION ALL
    SELECT 'moving pictures', @ScanId, COUNT(*),
        COALESCE(SUM(CASE WHEN sha256 <> HASHBYTES('SHA2_256', animation) THEN 1 ELSE 0 END), 0)
    FROM dbo.animations
    WHERE scan_id = @ScanId
    UNION ALL
    SELECT 'prepared pictures', @ScanId, COUNT(*),
        COALESCE(SUM(CASE WHEN sha256 <> HASHBYTES('SHA2_256', picture) THEN 1 ELSE 0 END), 0)
    FROM dbo.prepared_slices
    WHERE scan_id = @ScanId
    UNION ALL
    SELECT 'maps of layers', @ScanId, COUNT(*), COALESCE(SUM(CASE WHEN sha256 <> HASHBYTES('SHA2_256', map) THEN 1 ELSE 0 END), 0)
    FROM dbo.slice_maps
    WHERE scan_id = @ScanId;
END;
