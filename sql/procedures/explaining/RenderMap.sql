-- RenderMap: a map of dbo.score_maps drawn over its slice, as PNG.
-- Example: EXECUTE dbo.RenderMap @PredictionId = 1, @SliceIndex = 4;
CREATE OR ALTER PROCEDURE dbo.RenderMap
    @PredictionId INT = NULL,   -- prediction_id of dbo.predictions; needed
    @SliceIndex INT = NULL,     -- slice_index of the map; NULL means the slice with the largest value
    @Method VARCHAR(16) = NULL, -- occlusion or gradcam; NULL means gradcam where there is one
    @Help BIT = 0               -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.RenderMap returns one row: slice_index, position in mm, method, lowest, highest, and png, a picture of the map over its
slice. The slice is in the lung window, -1350 to 150 HU, alone on the left and with the map on the right, rows and columns as they are
stored. Orange raises the score and blue lowers it, the stronger the larger; the colour bar says what. Colours are the same for all maps
of a score and method. ExplainRegions makes maps.
Parameters:
    @PredictionId INT = NULL    prediction_id of dbo.predictions; needed
    @SliceIndex INT = NULL      slice_index of the map; NULL means the slice with the largest value
    @Method VARCHAR(16) = NULL  occlusion or gradcam; NULL means gradcam where there is one
    @Help BIT = 0               1 prints this help and does nothing else
Example:
    EXECUTE dbo.RenderMap @PredictionId = 1, @SliceIndex = 4;';
        RETURN 0;
    END;

    DECLARE @ScanId INT;
    DECLARE @Message NVARCHAR(2000), @Language NVARCHAR(128), @ErrorNumber INT, @ErrorMessage NVARCHAR(2000), @Png VARBINARY(MAX);
    DECLARE @Largest FLOAT, @Title NVARCHAR(200), @Task VARCHAR(14), @Pixels VARBINARY(MAX), @PixelsSha256 VARCHAR(64),
        @Encoding NVARCHAR(16), @Rows INT, @Cols INT, @Aspect FLOAT, @Map VARBINARY(MAX), @MapSha256 VARCHAR(64), @MapRows INT,
        @MapCols INT, @FirstRow INT, @EndRow INT, @FirstCol INT, @EndCol INT;
    IF NOT EXISTS (SELECT 1 FROM dbo.predictions WHERE prediction_id = @PredictionId)
    BEGIN
        SET @Message = CONCAT(N'There is no prediction with the number ', COALESCE(CAST(@PredictionId AS NVARCHAR(12)), N'NULL'),
            N'. Give a prediction_id of dbo.predictions.');
        THROW 50145, @Message, 1;
    END;
    SET @ScanId = (SELECT scan_id FROM dbo.predictions WHERE prediction_id = @PredictionId);
    EXECUTE internal.NeedPixels @ScanId;
    SET @Method = COALESCE(@Method, (
        SELECT MAX(IIF(method = 'gradcam', 'gradcam', NULL)) FROM dbo.score_maps
        WHERE prediction_id = @PredictionId AND slice_index = COALESCE(@SliceIndex, slice_index)), 'occlusion');
    SET @SliceIndex = COALESCE(@SliceIndex, (
        SELECT TOP (1) slice_index FROM dbo.score_maps WHERE prediction_id = @PredictionId AND method = @Method
        ORDER BY IIF(highest > -lowest, highest, -lowest) DESC, slice_index));
    SELECT @Title = CONCAT(N'Score ', m.prediction_id, N', slice ', m.slice_index,
            N' at ' + CAST(CAST(m.position AS DECIMAL(9, 1)) AS NVARCHAR(12)) + N' mm', N': ', m.method, N', ', m.map_rows, N' x ',
            m.map_cols, N' cells'), @Task = c.task,
        @Pixels = i.pixels, @PixelsSha256 = CONVERT(VARCHAR(64), i.pixels_sha256, 2), @Encoding = COALESCE(i.encoding, N''),
        @Rows = s.image_rows, @Cols = s.image_cols, @Aspect = s.spacing_y / NULLIF(s.spacing_x, 0), @Map = m.map,
        @MapSha256 = CONVERT(VARCHAR(64), m.map_sha256, 2), @MapRows = m.map_rows, @MapCols = m.map_cols, @FirstRow = m.first_row,
        @EndRow = m.end_row, @FirstCol = m.first_col, @EndCol = m.end_col
    FROM dbo.score_maps AS m
    INNER JOIN dbo.predictions AS p ON p.prediction_id = m.prediction_id
    INNER JOIN dbo.classifiers AS c ON c.classifier_id = p.classifier_id
    INNER JOIN dbo.scans AS s ON s.scan_id = p.scan_id
    INNER JOIN dbo.scan_images AS i ON i.scan_id = p.scan_id AND i.slice_index = m.slice_index
    WHERE m.prediction_id = @PredictionId AND m.slice_index = @SliceIndex AND m.method = @Method;
    IF @Map IS NULL
    BEGIN
        SET @Message = CONCAT(N'The score ', @PredictionId, N' has no map of the method ''', @Method, N''' of ',
            COALESCE(N'the slice ' + CAST(@SliceIndex AS NVARCHAR(12)), N'any slice'),
            N'. EXECUTE dbo.ExplainRegions @PredictionId = ', @PredictionId, N' makes maps; dbo.score_maps has those that there are.');
        SET @Message = REPLACE(@Message, N'%', N'%%');
        THROW 50385, @Message, 1;
    END;
    SET @Largest = (
        SELECT MAX(IIF(highest > -lowest, highest, -lowest)) FROM dbo.score_maps WHERE prediction_id = @PredictionId AND method = @Method);

    EXECUTE internal.ReadSettings @Language OUTPUT;
    EXECUTE sp_execute_external_script
        @language = @Language,
        @script = N'
def main(*arguments):
    from lungdb.procedures import render_map
    return render_map(*arguments)

Png, ErrorNumber, ErrorMessage = main(
    Pixels, PixelsSha256, Encoding, Rows, Cols, Aspect, Map, MapSha256, MapRows, MapCols, FirstRow, EndRow, FirstCol, EndCol,
    Largest, Title, Task)
',
        @params = N'@Pixels VARBINARY(MAX), @PixelsSha256 VARCHAR(64), @Encoding NVARCHAR(16), @Rows INT, @Cols INT, @Aspect FLOAT,
            @Map VARBINARY(MAX), @MapSha256 VARCHAR(64), @MapRows INT, @MapCols INT, @FirstRow INT, @EndRow INT, @FirstCol INT,
            @EndCol INT, @Largest FLOAT, @Title NVARCHAR(200), @Task VARCHAR(14), @Png VARBINARY(MAX) OUTPUT, @ErrorNumber INT OUTPUT,
            @ErrorMessage NVARCHAR(2000) OUTPUT',
        @Pixels = @Pixels, @PixelsSha256 = @PixelsSha256, @Encoding = @Encoding, @Rows = @Rows, @Cols = @Cols, @Aspect = @Aspect,
        @Map = @Map, @MapSha256 = @MapSha256, @MapRows = @MapRows, @MapCols = @MapCols, @FirstRow = @FirstRow, @EndRow = @EndRow,
        @FirstCol = @FirstCol, @EndCol = @EndCol, @Largest = @Largest, @Title = @Title, @Task = @Task, @Png = @Png OUTPUT,
        @ErrorNumber = @ErrorNumber OUTPUT, @ErrorMessage = @ErrorMessage OUTPUT;
    IF @ErrorNumber <> 0
    BEGIN
        SET @Message = REPLACE(@ErrorMessage, N'%', N'%%');
        THROW @ErrorNumber, @Message, 1;
    END;
    SELECT m.slice_index, m.position, m.method, m.lowest, m.highest, @Png AS png
    FROM dbo.score_maps AS m
    WHERE m.prediction_id = @PredictionId AND m.slice_index = @SliceIndex AND m.method = @Method;
END;
