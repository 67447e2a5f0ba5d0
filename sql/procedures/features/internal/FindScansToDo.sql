-- FindScansToDo: fills #todo with the scans that lack features of the layers, and counts those whose pixels are not in this database.
-- Called by StartFeatures and QueueFeatures; reads #layers and fills #todo of whoever works.
CREATE OR ALTER PROCEDURE internal.FindScansToDo
    @NetworkId INT,               -- the network
    @Preprocessing NVARCHAR(32),  -- one of dbo.preprocessings
    @Pooling NVARCHAR(128),       -- poolings with commas
    @Recompute BIT,               -- 1 takes every scan
    @DatasetVersionId INT,        -- version of a data set to stay within, or NULL for all scans
    @Apart INT OUTPUT             -- scans that lack features, too, and can have none made here
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    -- A vector without its SHA-256 is older than that, or from a procedure that is, and is made again.
    INSERT INTO #todo (scan_id, slices, is_kept, kept_bytes, bytes)
    SELECT s.scan_id, s.number_images, 0, 0,
        COALESCE((SELECT SUM(CAST(DATALENGTH(i.pixels) AS BIGINT)) FROM dbo.scan_images AS i WHERE i.scan_id = s.scan_id), 0)
    FROM dbo.scans AS s
    WHERE (@DatasetVersionId IS NULL OR s.scan_id IN (
            SELECT m.scan_id FROM dbo.dataset_members AS m WHERE m.dataset_version_id = @DatasetVersionId))
        AND (@Recompute = 1 OR (SELECT COUNT(*) FROM #layers) * (SELECT COUNT(*) FROM STRING_SPLIT(@Pooling, N',')) > (
            SELECT COUNT(*)
            FROM dbo.pooled_features AS p
            INNER JOIN dbo.feature_sets AS f ON f.feature_set_id = p.feature_set_id
            INNER JOIN #layers AS l ON l.name = f.layer
            WHERE p.scan_id = s.scan_id AND f.network_id = @NetworkId AND f.preprocessing = @Preprocessing
                AND p.vector_sha256 IS NOT NULL AND p.pooling IN (SELECT value FROM STRING_SPLIT(@Pooling, N','))))
    OPTION (RECOMPILE);
    DELETE FROM #todo WHERE scan_id IN (SELECT scan_id FROM dbo.scans WHERE source_uri IS NOT NULL);
    SET @Apart = @@ROWCOUNT;
END;
