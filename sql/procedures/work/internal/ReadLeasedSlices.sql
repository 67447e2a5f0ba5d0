-- ReadLeasedSlices: gives a worker the slices of the scans that it has leased, as the script of GenerateFeatures gets them.
-- Called by ReadWork; reads the worker's table #chunk. A procedure of its own, because #chunk has other columns for pictures.
CREATE OR ALTER PROCEDURE internal.ReadLeasedSlices
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    SELECT i.scan_id, i.slice_index, s.number_images, CONVERT(VARCHAR(64), s.content_sha256, 2) AS content_sha256, s.image_rows,
        s.image_cols, i.rescale_slope, i.rescale_intercept, CONVERT(VARCHAR(MAX), i.pixels, 2) AS pixels,
        CONVERT(VARCHAR(64), i.pixels_sha256, 2) AS pixels_sha256, COALESCE(i.encoding, N'') AS encoding, s.spacing_y, s.spacing_x,
        s.spacing_z, s.origin_x, s.origin_y, s.origin_z, s.row_x, s.row_y, s.row_z, s.column_x, s.column_y, s.column_z,
        s.step_x, s.step_y, s.step_z
    FROM #chunk AS c
    INNER JOIN dbo.scans AS s ON s.scan_id = c.scan_id
    INNER JOIN dbo.scan_images AS i ON i.scan_id = s.scan_id AND c.slices > 0
    ORDER BY i.scan_id, i.slice_index;
END;
