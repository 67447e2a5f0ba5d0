-- DrawSlices: draws the middle slice of every triple in #shown on one contact sheet.
-- Called by TopSlices, whose table #shown it reads.
CREATE OR ALTER PROCEDURE internal.DrawSlices
    @Sheet VARBINARY(MAX) OUTPUT, -- PNG, NULL where slices are not here
    @RunId INT = NULL             -- row of dbo.runs that ends with a refusal
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Language NVARCHAR(128), @ErrorNumber INT, @ErrorMessage NVARCHAR(2000);
    EXECUTE internal.ReadSettings @Language OUTPUT;
    CREATE TABLE #drawn (place INT NOT NULL PRIMARY KEY, scan_id INT NOT NULL, slice_index INT NOT NULL, value FLOAT NOT NULL);
    -- The last triple of a scan may repeat its last slice.
    INSERT INTO #drawn (place, scan_id, slice_index, value)
    SELECT s.place, s.scan_id, MAX(i.slice_index), s.value
    FROM #shown AS s
    INNER JOIN dbo.scan_images AS i ON i.scan_id = s.scan_id AND i.slice_index BETWEEN 3 * s.triple AND 3 * s.triple + 1
    GROUP BY s.place, s.scan_id, s.value;
    IF NOT EXISTS (SELECT 1 FROM #drawn)
        RETURN 0;
    EXECUTE sp_execute_external_script
        @language = @Language,
        @script = N'
def main(slices):
    from lungdb.procedures import slices_sheet
    return slices_sheet(slices)

Sheet, ErrorNumber, ErrorMessage = main(InputDataSet)
',
        @input_data_1 = N'
SELECT d.scan_id, d.slice_index, d.value, s.image_rows, s.image_cols,
    CONVERT(VARCHAR(MAX), i.pixels, 2) AS pixels, CONVERT(VARCHAR(64), i.pixels_sha256, 2) AS pixels_sha256,
    COALESCE(i.encoding, N'''') AS encoding
FROM #drawn AS d
INNER JOIN dbo.scans AS s ON s.scan_id = d.scan_id
INNER JOIN dbo.scan_images AS i ON i.scan_id = d.scan_id AND i.slice_index = d.slice_index
ORDER BY d.place;',
        @params = N'@Sheet VARBINARY(MAX) OUTPUT, @ErrorNumber INT OUTPUT, @ErrorMessage NVARCHAR(2000) OUTPUT',
        @Sheet = @Sheet OUTPUT, @ErrorNumber = @ErrorNumber OUTPUT, @ErrorMessage = @ErrorMessage OUTPUT;
    IF @ErrorNumber <> 0
        EXECUTE internal.EndRun @RunId, 0, @ErrorMessage;
    IF @ErrorNumber <> 0
    BEGIN
        SET @Message = REPLACE(@ErrorMessage, N'%', N'%%');
        THROW @ErrorNumber, @Message, 1;
    END;
    SET @Sheet = NULLIF(@Sheet, 0x);
END;
