-- PreviewPreprocessing: the pictures that a preprocessing makes of slices of a scan, as PNG files. Nothing is stored.
-- Example: EXECUTE dbo.PreviewPreprocessing @ScanId = 1, @Preprocessing = N'lung', @AsSheet = 1;
CREATE OR ALTER PROCEDURE dbo.PreviewPreprocessing
    @ScanId INT = NULL,                  -- scan_id of dbo.scans; needed
    @Preprocessing NVARCHAR(32) = NULL,  -- name in dbo.preprocessings
    @Steps NVARCHAR(MAX) = NULL,         -- or steps, as StorePreprocessing takes them
    @Rows INT = 224,                     -- rows that the network would read, 1 to 4096
    @Cols INT = 224,                     -- columns that the network would read, 1 to 4096
    @Slices INT = 9,                     -- how many slices, evenly over the scan, 1 to 64
    @AsSheet BIT = 0,                    -- 1 gives one picture with all of them beside each other
    @Help BIT = 0                        -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.PreviewPreprocessing returns slice_index, lowest, highest and picture, a PNG file, of slices of a scan, before the
network''s own normalisation. Black is the lowest value of all of them, white the highest. With @AsSheet = 1 it is one row
without slice_index, all slices in one picture, the lowest one at the top left. Of a preprocessing of volumes they are planes of the
prepared volume, without what a network would declare (spacing, window, size): @Rows and @Cols say nothing there.
Parameters:
    @ScanId INT = NULL                  scan_id of dbo.scans; needed
    @Preprocessing NVARCHAR(32) = NULL  name in dbo.preprocessings
    @Steps NVARCHAR(MAX) = NULL         or steps, as StorePreprocessing takes them
    @Rows INT = 224                     rows that the network would read, 1 to 4096
    @Cols INT = 224                     columns that the network would read, 1 to 4096
    @Slices INT = 9                     how many slices, evenly over the scan, 1 to 64
    @AsSheet BIT = 0                    1 gives one picture with all of them beside each other
    @Help BIT = 0                       1 prints this help and does nothing else
Examples:
    EXECUTE dbo.PreviewPreprocessing @ScanId = 1, @Preprocessing = N''lung'', @AsSheet = 1;
    EXECUTE dbo.PreviewPreprocessing @ScanId = 1, @Steps = N''[{"step": "window", "level": 40, "width": 400}]'', @Slices = 3;';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000) = N'', @Language NVARCHAR(128), @Count INT, @IsVolume BIT, @ErrorNumber INT,
        @ErrorMessage NVARCHAR(2000);
    IF @Slices IS NULL OR @Slices NOT BETWEEN 1 AND 64
        SET @Message = CONCAT(N'The value ', COALESCE(CAST(@Slices AS NVARCHAR(12)), N'NULL'),
            N' for the parameter @Slices is not supported. Supported values are 1 to 64. ');
    IF @AsSheet IS NULL
        SET @Message = CONCAT(@Message, N'The value NULL for the parameter @AsSheet is not supported. Supported values are 0 and 1. ');
    IF @ScanId IS NULL
        SET @Message = CONCAT(@Message, N'The parameter @ScanId is NULL. Give a scan_id of dbo.scans. ');
    EXECUTE internal.FindSteps @Message, @Preprocessing, @Rows, @Cols, @Steps OUTPUT;
    EXECUTE internal.FindScan NULL, @ScanId OUTPUT;
    EXECUTE internal.NeedPixels @ScanId;

    -- What volumes are prepared of is the whole scan.
    SET @IsVolume = CASE WHEN ISJSON(@Steps) = 1 THEN IIF(JSON_VALUE(@Steps, '$.dimensions') = N'3', 1, 0) ELSE 0 END;
    SET @Count = (SELECT COUNT(*) FROM dbo.scan_images WHERE scan_id = @ScanId);
    CREATE TABLE #result (slice_index INT NULL, lowest FLOAT NULL, highest FLOAT NULL, picture VARCHAR(MAX) COLLATE DATABASE_DEFAULT NULL);
    EXECUTE internal.ReadSettings @Language OUTPUT;
    INSERT INTO #result (slice_index, lowest, highest, picture)
    EXECUTE sp_execute_external_script
        @language = @Language,
        @script = N'
def main(*arguments):
    from lungdb.procedures import preview_steps
    return preview_steps(*arguments)

OutputDataSet, ErrorNumber, ErrorMessage = main(InputDataSet, Steps, Rows, Cols, AsSheet, Slices)
',
        @input_data_1 = N'
SELECT i.slice_index AS place, i.slice_index, i.scan_id, s.number_images,
    CONVERT(VARCHAR(64), s.content_sha256, 2) AS content_sha256, s.image_rows, s.image_cols, i.rescale_slope, i.rescale_intercept,
    CONVERT(VARCHAR(MAX), i.pixels, 2) AS pixels, CONVERT(VARCHAR(64), i.pixels_sha256, 2) AS pixels_sha256,
    COALESCE(i.encoding, N'''') AS encoding, s.spacing_z, s.spacing_y, s.spacing_x, s.origin_x, s.origin_y, s.origin_z,
    s.row_x, s.row_y, s.row_z, s.column_x, s.column_y, s.column_z, s.step_x, s.step_y, s.step_z
FROM dbo.scan_images AS i
INNER JOIN dbo.scans AS s ON s.scan_id = i.scan_id
WHERE i.scan_id = @ScanId AND (@IsVolume = 1 OR (i.slice_index + 1) * @Slices / @Count > i.slice_index * @Slices / @Count)
ORDER BY i.slice_index;',
        @params = N'@ScanId INT, @Slices INT, @Count INT, @IsVolume BIT, @Steps NVARCHAR(MAX), @Rows INT, @Cols INT, @AsSheet BIT,
            @ErrorNumber INT OUTPUT, @ErrorMessage NVARCHAR(2000) OUTPUT',
        @ScanId = @ScanId, @Slices = @Slices, @Count = @Count, @IsVolume = @IsVolume, @Steps = @Steps, @Rows = @Rows, @Cols = @Cols,
        @AsSheet = @AsSheet,
        @ErrorNumber = @ErrorNumber OUTPUT, @ErrorMessage = @ErrorMessage OUTPUT;
    IF @ErrorNumber <> 0
    BEGIN
        SET @Message = REPLACE(@ErrorMessage, N'%', N'%%');
        THROW @ErrorNumber, @Message, 1;
    END;

    SELECT NULLIF(slice_index, -1) AS slice_index, lowest, highest, CONVERT(VARBINARY(MAX), picture, 2) AS picture
    FROM #result
    ORDER BY slice_index;
END;
