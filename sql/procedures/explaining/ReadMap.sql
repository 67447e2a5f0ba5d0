-- ReadMap: the numbers of a map of dbo.score_maps, and which part of which slice they lie over.
-- Example: EXECUTE dbo.ReadMap @PredictionId = 1, @SliceIndex = 4;
CREATE OR ALTER PROCEDURE dbo.ReadMap
    @PredictionId INT = NULL,   -- prediction_id of dbo.predictions; needed
    @SliceIndex INT = NULL,     -- slice_index of the map; needed
    @Method VARCHAR(16) = NULL, -- occlusion or gradcam; NULL means gradcam where there is one
    @Help BIT = 0               -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.ReadMap returns a map that ExplainRegions has made, one row: method; the part of the slice that the map lies over, in
pixels from 0 (first_row, end_row behind the last, first_col, end_col); map_rows and map_cols; lowest and highest value, and largest, the
size of the largest value in all maps of the score by that method; map, float32, little-endian, in C order, in units of the margin, and
map_sha256, in hexadecimal; image_rows, image_cols, spacing_y, spacing_x and patient_orientation of the slice as it is stored. It
computes nothing and needs no Python. RenderMap draws the map over its slice.
Parameters:
    @PredictionId INT = NULL    prediction_id of dbo.predictions; needed
    @SliceIndex INT = NULL      slice_index of the map; needed
    @Method VARCHAR(16) = NULL  occlusion or gradcam; NULL means gradcam where there is one
    @Help BIT = 0               1 prints this help and does nothing else
Example:
    EXECUTE dbo.ReadMap @PredictionId = 1, @SliceIndex = 4;';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000);
    IF NOT EXISTS (SELECT 1 FROM dbo.predictions WHERE prediction_id = @PredictionId)
    BEGIN
        SET @Message = CONCAT(N'There is no prediction with the number ', COALESCE(CAST(@PredictionId AS NVARCHAR(12)), N'NULL'),
            N'. Give a prediction_id of dbo.predictions.');
        THROW 50145, @Message, 1;
    END;
    SET @Method = COALESCE(@Method, (
        SELECT MAX(IIF(method = 'gradcam', 'gradcam', NULL)) FROM dbo.score_maps
        WHERE prediction_id = @PredictionId AND slice_index = @SliceIndex), 'occlusion');
    IF NOT EXISTS (
        SELECT 1 FROM dbo.score_maps WHERE prediction_id = @PredictionId AND slice_index = @SliceIndex AND method = @Method)
    BEGIN
        SET @Message = CONCAT(N'The score ', @PredictionId, N' has no map of the method ''', @Method, N''' of the slice ',
            COALESCE(CAST(@SliceIndex AS NVARCHAR(12)), N'NULL'), N'. EXECUTE dbo.ExplainRegions @PredictionId = ', @PredictionId,
            N' makes maps; dbo.score_maps has those that there are.');
        SET @Message = REPLACE(@Message, N'%', N'%%');
        THROW 50385, @Message, 1;
    END;
    SELECT m.method, m.first_row, m.end_row, m.first_col, m.end_col, m.map_rows, m.map_cols, m.lowest, m.highest,
        (SELECT MAX(IIF(a.highest > -a.lowest, a.highest, -a.lowest)) FROM dbo.score_maps AS a
            WHERE a.prediction_id = @PredictionId AND a.method = @Method) AS largest,
        m.map, CONVERT(VARCHAR(64), m.map_sha256, 2) AS map_sha256, s.image_rows, s.image_cols, s.spacing_y, s.spacing_x,
        s.patient_orientation
    FROM dbo.score_maps AS m
    INNER JOIN dbo.predictions AS p ON p.prediction_id = m.prediction_id
    INNER JOIN dbo.scans AS s ON s.scan_id = p.scan_id
    WHERE m.prediction_id = @PredictionId AND m.slice_index = @SliceIndex AND m.method = @Method;
END;
