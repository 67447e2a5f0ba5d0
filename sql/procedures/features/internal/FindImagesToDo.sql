-- FindImagesToDo: fills #todo with the pictures that lack features of the layers.
-- Called by StartImages and QueueImages, whose table #layers it reads and whose table #todo it fills.
CREATE OR ALTER PROCEDURE internal.FindImagesToDo
    @NetworkId INT,         -- the network
    @Recompute BIT,         -- 1 takes every picture
    @DatasetVersionId INT   -- version of a data set to stay within, or NULL for all pictures
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    INSERT INTO #todo (name, bytes)
    SELECT i.name, 2 * CAST(DATALENGTH(i.image) AS BIGINT)
    FROM dbo.images AS i
    WHERE (@DatasetVersionId IS NULL OR i.name IN (
            SELECT m.image_name FROM dbo.dataset_members AS m WHERE m.dataset_version_id = @DatasetVersionId))
        AND (@Recompute = 1 OR (SELECT COUNT(*) FROM #layers) > (
            SELECT COUNT(*)
            FROM dbo.image_features AS f
            INNER JOIN dbo.feature_sets AS s ON s.feature_set_id = f.feature_set_id
            INNER JOIN #layers AS l ON l.name = s.layer
            WHERE f.name = i.name AND s.network_id = @NetworkId AND s.preprocessing = N'image'))
    OPTION (RECOMPILE);
END;
