-- StorePictures: stores the prepared pictures in #result, as many scans as there is room for once what this run has not used is dropped,
-- least used first; in one transaction, and none of a scan that was replaced or removed meanwhile, or that another call has stored.
-- Called by KeepPictures, whose table #pictures it reads and changes, and GenerateFeatures' tables #chunk and #result.
CREATE OR ALTER PROCEDURE internal.StorePictures
    @Preprocessing NVARCHAR(32),  -- one of dbo.preprocessings
    @Rows INT,                    -- rows of the pictures
    @Cols INT,                    -- columns of the pictures
    @Costs NVARCHAR(400),         -- JSON with the digest of what made them
    @Bound BIGINT,                -- bytes to keep at most
    @Started DATETIME2(3)         -- what was used since is not dropped
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Locked INT, @Held BIGINT, @Room BIGINT;
    BEGIN TRANSACTION;
    -- First the scans, as whoever deletes one does.
    SET @Locked = (SELECT COUNT(*) FROM dbo.scans WITH (UPDLOCK, HOLDLOCK) WHERE scan_id IN (SELECT scan_id FROM #pictures));
    SET @Held = COALESCE((SELECT SUM(bytes) FROM dbo.prepared_scans WITH (UPDLOCK, HOLDLOCK)), 0);
    DELETE FROM #pictures
    WHERE scan_id NOT IN (
            SELECT s.scan_id FROM dbo.scans AS s INNER JOIN #chunk AS c ON c.scan_id = s.scan_id AND c.content_sha256 = s.content_sha256)
        OR scan_id IN (
            SELECT scan_id FROM dbo.prepared_scans
            WHERE preprocessing = @Preprocessing AND picture_rows = @Rows AND picture_cols = @Cols);
    SET @Room = @Bound - COALESCE((SELECT SUM(bytes) FROM dbo.prepared_scans WHERE used_at >= @Started), 0);
    DELETE FROM #pictures
    WHERE scan_id IN (
        SELECT b.scan_id
        FROM (SELECT scan_id, SUM(bytes) OVER (ORDER BY scan_id ROWS UNBOUNDED PRECEDING) AS so_far FROM #pictures) AS b
        WHERE b.so_far > @Room);
    SET @Room = @Bound - @Held - COALESCE((SELECT SUM(bytes) FROM #pictures), 0);
    DELETE p
    FROM dbo.prepared_scans AS p
    INNER JOIN (
        SELECT scan_id, preprocessing, picture_rows, picture_cols, bytes,
            SUM(bytes) OVER (ORDER BY used_at, uses, scan_id, preprocessing, picture_rows, picture_cols ROWS UNBOUNDED PRECEDING) AS so_far
        FROM dbo.prepared_scans
        WHERE used_at < @Started) AS d ON d.scan_id = p.scan_id AND d.preprocessing = p.preprocessing
            AND d.picture_rows = p.picture_rows AND d.picture_cols = p.picture_cols
    WHERE d.so_far - d.bytes < -@Room;
    INSERT INTO dbo.prepared_scans (scan_id, preprocessing, picture_rows, picture_cols, bytes)
    SELECT scan_id, @Preprocessing, @Rows, @Cols, bytes FROM #pictures;
    INSERT INTO dbo.prepared_slices (scan_id, preprocessing, picture_rows, picture_cols, slice_index, digest, picture, sha256)
    SELECT r.scan_id, @Preprocessing, @Rows, @Cols, r.array_rows, CONVERT(VARBINARY(32), JSON_VALUE(@Costs, N'$.digest'), 2),
        CONVERT(VARBINARY(MAX), r.array, 2), CONVERT(VARBINARY(32), r.sha256, 2)
    FROM #result AS r
    INNER JOIN #pictures AS b ON b.scan_id = r.scan_id
    WHERE r.layer = -2;
    COMMIT TRANSACTION;
END;
