-- ReadPictures: gives a worker the pictures that it has leased, as the script of FeaturizeImages gets them.
-- Called by ReadWork; reads the worker's table #chunk. A procedure of its own, because #chunk has other columns for scans.
CREATE OR ALTER PROCEDURE internal.ReadPictures
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    SELECT c.place, CONVERT(VARCHAR(MAX), i.image, 2) AS image, CONVERT(VARCHAR(64), i.sha256, 2) AS sha256
    FROM #chunk AS c
    INNER JOIN dbo.images AS i ON i.name = c.name
    WHERE c.bytes <= 1073741824
    ORDER BY c.place;
END;
