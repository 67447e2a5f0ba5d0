-- FindLungs: finds the lungs in scans and stores where they lie.
-- Example: EXECUTE dbo.FindLungs @ModelName = N'my_lungs';
CREATE OR ALTER PROCEDURE dbo.FindLungs
    @Dataset NVARCHAR(128) = NULL,   -- name of a data set of scans to stay within; NULL means all scans
    @DatasetVersion INT = NULL,      -- its version; NULL means the newest
    @ModelName NVARCHAR(128) = NULL, -- network that draws lungs, its newest version; NULL finds them by the threshold
    @Threshold FLOAT = NULL,         -- Hounsfield units below which a voxel is air, -900 to -100; NULL means -400
    @Recompute BIT = 0,              -- 1 finds them again in scans that have them
    @ChunkMegabytes INT = 64,        -- megabytes of stored slices in one transaction, 1 to 512; a larger scan goes alone
    @Help BIT = 0                    -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.FindLungs finds the lungs in scans and stores where they lie in dbo.lung_masks: by a threshold, connected parts and
closing, under the method threshold, or by a network of yours that draws them (lungdb load-network --detects segmentation), under its
name: a bit a voxel, their volume, the box around them, and where the lungs of a scan are known (lungdb load-lungs) how far both agree,
as Dice''s coefficient. It works in chunks, each stored in a transaction of its own: stopped at any point, it goes on there when called
again. A scan without lungs fails, and is named; the others are stored. It returns the scans with lungs of this method.
Parameters:
    @Dataset NVARCHAR(128) = NULL    name of a data set of scans to stay within; NULL means all scans
    @DatasetVersion INT = NULL       its version; NULL means the newest
    @ModelName NVARCHAR(128) = NULL  network that draws lungs, its newest version; NULL finds them by the threshold
    @Threshold FLOAT = NULL          Hounsfield units below which a voxel is air, -900 to -100; NULL means -400
    @Recompute BIT = 0               1 finds them again in scans that have them
    @ChunkMegabytes INT = 64         megabytes of stored slices in one transaction, 1 to 512; a larger scan goes alone
    @Help BIT = 0                    1 prints this help and does nothing else
Example:
    EXECUTE dbo.FindLungs @ModelName = N''my_lungs'';';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000) = N'', @Language NVARCHAR(128), @VersionId INT, @RunId INT, @Total INT, @Done INT = 0, @Failed INT,
        @Scans INT, @ErrorNumber INT, @ErrorMessage NVARCHAR(2000), @CpuSeconds FLOAT, @PeakMegabytes FLOAT, @Rule TINYINT = 1,
        @Method NVARCHAR(128), @Network VARBINARY(MAX), @Sha256 VARCHAR(64), @Details NVARCHAR(MAX), @Steps NVARCHAR(MAX),
        @Providers NVARCHAR(400), @Threads INT, @NetworkSha256 VARBINARY(32), @Air FLOAT;
    IF @@TRANCOUNT > 0
    BEGIN
        SET @Message = N'FindLungs was called inside a transaction. It commits chunk by chunk: commit or roll back, then call it again.';
        THROW 50100, @Message, 1;
    END;
    IF @Threshold NOT BETWEEN -900 AND -100 OR (@ModelName IS NOT NULL AND @Threshold IS NOT NULL)
        SET @Message = CONCAT(N'The value ', @Threshold, N' for the parameter @Threshold is not supported. Supported values are ',
            IIF(@ModelName IS NULL, N'-900 to -100, and NULL, which is -400. ', N'NULL where a network finds the lungs. '));
    IF @Recompute IS NULL
        SET @Message = CONCAT(@Message, N'The value NULL for the parameter @Recompute is not supported. Supported values are 0 and 1. ');
    IF @ChunkMegabytes IS NULL OR @ChunkMegabytes NOT BETWEEN 1 AND 512
        SET @Message = CONCAT(@Message, N'The value ', COALESCE(CAST(@ChunkMegabytes AS NVARCHAR(12)), N'NULL'),
            N' for the parameter @ChunkMegabytes is not supported. Supported values are 1 to 512. ');
    IF @Message <> N''
    BEGIN
        SET @Message = REPLACE(@Message, N'%', N'%%');
        THROW 50101, @Message, 1;
    END;
    EXECUTE internal.FindScansOfDataset @Dataset, @DatasetVersion, @VersionId OUTPUT;
    EXECUTE internal.ReadSettings @Language OUTPUT, @Providers OUTPUT, @Threads OUTPUT;
    EXECUTE internal.FindLungNetwork @ModelName, @Method OUTPUT, @Network OUTPUT, @Sha256 OUTPUT, @Details OUTPUT, @Steps OUTPUT;
    SET @NetworkSha256 = CONVERT(VARBINARY(32), NULLIF(@Sha256, ''), 2);
    SELECT @Air = COALESCE(@Threshold, -400), @Threshold = IIF(@ModelName IS NULL, COALESCE(@Threshold, -400), NULL);
    CREATE TABLE #todo (scan_id INT NOT NULL PRIMARY KEY, bytes BIGINT NOT NULL);
    CREATE TABLE #chunk (scan_id INT NOT NULL PRIMARY KEY, slices INT NOT NULL, content_sha256 VARBINARY(32) NOT NULL);
    CREATE TABLE #failed (scan_id INT NOT NULL PRIMARY KEY, error NVARCHAR(2000) COLLATE DATABASE_DEFAULT NOT NULL);
    CREATE TABLE #result (
        scan_id INT NULL, error NVARCHAR(2000) COLLATE DATABASE_DEFAULT NULL, millilitres FLOAT NULL, first_slice INT NULL,
        last_slice INT NULL, first_row INT NULL, last_row INT NULL, first_col INT NULL, last_col INT NULL, dice FLOAT NULL,
        mask VARCHAR(MAX) COLLATE DATABASE_DEFAULT NULL, sha256 VARCHAR(64) COLLATE DATABASE_DEFAULT NULL);
    INSERT INTO #todo (scan_id, bytes)
    SELECT s.scan_id,
        COALESCE((SELECT SUM(CAST(DATALENGTH(i.pixels) AS BIGINT)) FROM dbo.scan_images AS i WHERE i.scan_id = s.scan_id), 0)
    FROM dbo.scans AS s
    WHERE s.source_uri IS NULL AND (@VersionId IS NULL OR s.scan_id IN (
            SELECT m.scan_id FROM dbo.dataset_members AS m WHERE m.dataset_version_id = @VersionId))
        AND (@Recompute = 1 OR NOT EXISTS (
            SELECT 1 FROM dbo.lung_masks AS l
            WHERE l.scan_id = s.scan_id AND l.method = @Method AND l.content_sha256 = s.content_sha256
                AND (l.network_sha256 = @NetworkSha256 OR (@ModelName IS NULL AND l.threshold = @Threshold AND l.rule_version = @Rule))))
    OPTION (RECOMPILE);
    SET @Total = (SELECT COUNT(*) FROM #todo);
    DECLARE @Arguments NVARCHAR(4000) = JSON_MODIFY(JSON_MODIFY(JSON_MODIFY(N'{}', N'$.dataset', @Dataset), N'$.threshold', @Threshold),
        N'$.network', @ModelName);
    EXECUTE internal.StartRun N'FindLungs', @RunId OUTPUT, @Arguments;
    SET @Message = CONCAT(@Total, N' scans to find lungs in.');
    EXECUTE internal.ReportStep @RunId, @Message, 0, @Total;

    WHILE EXISTS (SELECT 1 FROM #todo)
    BEGIN
        DELETE FROM #result;
        EXECUTE internal.TakeLungScans @ChunkMegabytes;
        INSERT INTO #result (
            scan_id, error, millilitres, first_slice, last_slice, first_row, last_row, first_col, last_col, dice, mask, sha256)
        EXECUTE sp_execute_external_script
            @language = @Language,
            @script = N'
def main(*arguments):
    from lungdb.procedures import find_scan_lungs, measured
    return measured(find_scan_lungs, *arguments)

OutputDataSet, ErrorNumber, ErrorMessage, CpuSeconds, PeakMegabytes = main(InputDataSet, Threshold, Network, Sha256, Details, Steps,
    Providers, Threads)
',
            @input_data_1 = N'
SELECT i.scan_id, i.slice_index, s.number_images, CONVERT(VARCHAR(64), s.content_sha256, 2) AS content_sha256, s.image_rows,
    s.image_cols, i.rescale_slope, i.rescale_intercept, CONVERT(VARCHAR(MAX), i.pixels, 2) AS pixels,
    CONVERT(VARCHAR(64), i.pixels_sha256, 2) AS pixels_sha256, COALESCE(i.encoding, N'''') AS encoding, s.spacing_z, s.spacing_y,
    s.spacing_x, s.origin_x, s.origin_y, s.origin_z, s.row_x, s.row_y, s.row_z, s.column_x, s.column_y, s.column_z, s.step_x,
    s.step_y, s.step_z, COALESCE(CONVERT(VARCHAR(MAX), l.mask, 2), '''') AS truth,
    COALESCE(CONVERT(VARCHAR(64), l.mask_sha256, 2), '''') AS truth_sha256
FROM #chunk AS c
INNER JOIN dbo.scans AS s ON s.scan_id = c.scan_id
INNER JOIN dbo.scan_images AS i ON i.scan_id = s.scan_id AND c.slices > 0
LEFT JOIN dbo.lung_masks AS l ON l.scan_id = s.scan_id AND l.content_sha256 = s.content_sha256 AND l.method = N''truth''
    AND i.slice_index = 0
ORDER BY i.scan_id, i.slice_index;',
            @params = N'@Threshold FLOAT, @Network VARBINARY(MAX), @Sha256 VARCHAR(64), @Details NVARCHAR(MAX), @Steps NVARCHAR(MAX),
                @Providers NVARCHAR(400), @Threads INT, @ErrorNumber INT OUTPUT, @ErrorMessage NVARCHAR(2000) OUTPUT,
                @CpuSeconds FLOAT OUTPUT, @PeakMegabytes FLOAT OUTPUT',
            @Threshold = @Air, @Network = @Network, @Sha256 = @Sha256, @Details = @Details, @Steps = @Steps, @Providers = @Providers,
            @Threads = @Threads, @ErrorNumber = @ErrorNumber OUTPUT, @ErrorMessage = @ErrorMessage OUTPUT,
            @CpuSeconds = @CpuSeconds OUTPUT, @PeakMegabytes = @PeakMegabytes OUTPUT;
        IF @ErrorNumber <> 0
            EXECUTE internal.EndRun @RunId, 0, @ErrorMessage;
        IF @ErrorNumber <> 0
        BEGIN
            SET @Message = REPLACE(@ErrorMessage, N'%', N'%%');
            THROW @ErrorNumber, @Message, 1;
        END;
        EXECUTE internal.StoreLungs @RunId, @Method, @Threshold, @Rule, @NetworkSha256;
        SELECT @Scans = COUNT(*), @Done = @Done + COUNT(*) FROM #chunk;
        SET @Message = CONCAT(@Done, N' of ', @Total, N' scans done.');
        EXECUTE internal.ReportStep @RunId, @Message, @Done, @Total, @Scans, NULL, NULL, @CpuSeconds, @PeakMegabytes;
    END;

    SELECT @Failed = COUNT(*), @Message = NULL FROM #failed;
    IF @Failed > 0
        SET @Message = REPLACE(LEFT(CONCAT(@Failed, N' of ', @Total, N' scans failed: ', (
                SELECT STRING_AGG(CAST(CONCAT(N'scan ', f.scan_id, N': ', LEFT(f.error, 300)) AS NVARCHAR(MAX)), N' ')
                    WITHIN GROUP (ORDER BY f.scan_id)
                FROM (SELECT TOP (5) scan_id, error FROM #failed ORDER BY scan_id) AS f),
            N' The lungs of the others are stored.'), 1900), N'%', N'%%');
    EXECUTE internal.EndRun @RunId, @Failed, @Message;
    IF @Failed > 0
        THROW 50120, @Message, 1;
    SELECT l.scan_id, l.millilitres, l.first_slice, l.last_slice, l.first_row, l.last_row, l.first_col, l.last_col, l.dice
    FROM dbo.lung_masks AS l
    WHERE l.method = @Method AND (l.threshold = @Threshold OR l.network_sha256 = @NetworkSha256) AND (@VersionId IS NULL OR l.scan_id IN (
            SELECT m.scan_id FROM dbo.dataset_members AS m WHERE m.dataset_version_id = @VersionId))
    ORDER BY l.scan_id
    OPTION (RECOMPILE);
END;
