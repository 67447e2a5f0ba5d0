-- HashSlices: compares the slices of a scan with their SHA-256, size, number and order; fails where one cannot be unpacked.
-- Called by CheckHashes, whose table #hashes it fills.
CREATE OR ALTER PROCEDURE internal.HashSlices
    @ScanId INT -- the scan
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    -- Pixels of the encoding 'shuffled' are hashed in another order than they are stored, so only their size is compared.
    INSERT INTO #hashes (kind, number, items, differing)
    SELECT 'slices', @ScanId, COUNT(*), COALESCE(SUM(CASE
        WHEN DATALENGTH(DECOMPRESS(i.pixels)) <> CAST(2 AS BIGINT) * s.image_rows * s.image_cols THEN 1
        WHEN i.encoding IS NULL AND HASHBYTES('SHA2_256', DECOMPRESS(i.pixels)) <> i.pixels_sha256 THEN 1
        WHEN i.encoding <> N'shuffled' OR DECOMPRESS(i.pixels) IS NULL THEN 1
        ELSE 0 END), 0)
    FROM dbo.scans AS s
    INNER JOIN dbo.scan_images AS i ON i.scan_id = s.scan_id
    WHERE s.scan_id = @ScanId;

    -- A copy of a model brings scans without slices, and features without their array; load-features scans without slices.
    INSERT INTO #hashes (kind, number, items, differing)
    SELECT 'orders of slices', s.scan_id, 1, CASE
        WHEN i.slices <> s.number_images OR i.first_slice <> 0 OR i.last_slice <> s.number_images - 1
            OR HASHBYTES('SHA2_256', CONVERT(VARBINARY(MAX), i.hashes, 2)) <> s.content_sha256 THEN 1 ELSE 0 END
    FROM dbo.scans AS s
    INNER JOIN (
        SELECT scan_id, COUNT(*) AS slices, MIN(slice_index) AS first_slice, MAX(slice_index) AS last_slice,
            STRING_AGG(CONVERT(VARCHAR(MAX), pixels_sha256, 2), '') WITHIN GROUP (ORDER BY slice_index) AS hashes
        FROM dbo.scan_images
        WHERE scan_id = @ScanId
        GROUP BY scan_id) AS i ON i.scan_id = s.scan_id;
    INSERT INTO #hashes (kind, number, items, differing)
    SELECT 'orders of slices', s.scan_id, 1, 1
    FROM dbo.scans AS s
    WHERE s.scan_id = @ScanId AND s.source_uri IS NULL AND NOT EXISTS (SELECT 1 FROM dbo.scan_images AS i WHERE i.scan_id = s.scan_id)
        AND (NOT EXISTS (SELECT 1 FROM dbo.features AS f WHERE f.scan_id = s.scan_id)
            OR EXISTS (SELECT 1 FROM dbo.features AS f WHERE f.scan_id = s.scan_id AND DATALENGTH(f.array) > 0));
END;
