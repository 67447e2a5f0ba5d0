-- NeedPixels: refuses a scan, or a data set with one, whose pixels are not in this database, and says where they lie.
-- Called by ReadSlices, ChooseSlices, RenderMap, PreviewPreprocessing, MaximiseImage, FindTransforms and ComposeRun.
CREATE OR ALTER PROCEDURE internal.NeedPixels
    @ScanId INT,                 -- the scan, or NULL
    @DatasetVersionId INT = NULL -- or the version of a data set
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Scans INT, @First INT;
    SELECT @Scans = COUNT(*), @First = MIN(s.scan_id)
    FROM dbo.scans AS s
    WHERE s.source_uri IS NOT NULL AND (s.scan_id = @ScanId OR s.scan_id IN (
        SELECT m.scan_id FROM dbo.dataset_members AS m WHERE m.dataset_version_id = @DatasetVersionId));
    IF @Scans = 0
        RETURN 0;
    SET @Message = (
        SELECT CONCAT(N'The pixels of the scan ', @First, N' and of ' + CAST(NULLIF(@Scans - 1, 0) AS NVARCHAR(12)) + N' more', N' are ',
            N'not in this database: they lie in ''', s.source_uri, N'''. Load them from there with lungdb load-scans.')
        FROM dbo.scans AS s
        WHERE s.scan_id = @First);
    SET @Message = REPLACE(@Message, N'%', N'%%');
    THROW 50210, @Message, 1;
END;
