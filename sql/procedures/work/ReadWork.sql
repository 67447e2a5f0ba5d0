-- ReadWork: gives a worker the slices that it has leased, or the network to run over them.
-- Example: EXECUTE dbo.ReadWork @Network = 1;
CREATE OR ALTER PROCEDURE dbo.ReadWork
    @Network BIT = 0, -- 1 gives the bytes of the network, 0 the slices
    @Help BIT = 0     -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.ReadWork is called by lungdb work after TakeWork. It returns a row a slice of the leased scans, as the script of
GenerateFeatures gets them, ordered by scan_id and slice_index; or one row with the network.
Parameters:
    @Network BIT = 0  1 gives the bytes of the network, 0 the slices
    @Help BIT = 0     1 prints this help and does nothing else
Example:
    EXECUTE dbo.ReadWork @Network = 1;';
        RETURN 0;
    END;

    IF OBJECT_ID(N'tempdb..#job') IS NULL
        THROW 50463, N'The tables of a worker are not there. lungdb work makes them; call this through it.', 1;
    IF @Network = 1
        SELECT n.model FROM #job AS j INNER JOIN dbo.networks AS n ON n.network_id = j.network_id;
    ELSE
        SELECT i.scan_id, i.slice_index, s.number_images, CONVERT(VARCHAR(64), s.content_sha256, 2) AS content_sha256, s.image_rows,
            s.image_cols, i.rescale_slope, i.rescale_intercept, CONVERT(VARCHAR(MAX), i.pixels, 2) AS pixels,
            CONVERT(VARCHAR(64), i.pixels_sha256, 2) AS pixels_sha256, COALESCE(i.encoding, N'') AS encoding, s.spacing_y, s.spacing_x
        FROM #chunk AS c
        INNER JOIN dbo.scans AS s ON s.scan_id = c.scan_id
        INNER JOIN dbo.scan_images AS i ON i.scan_id = s.scan_id AND c.slices > 0
        ORDER BY i.scan_id, i.slice_index;
END;
