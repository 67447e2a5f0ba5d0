-- NumberLayers: fills #layers with the layers asked for, numbered as the script does.
-- Called by StartFeatures, StartImages, QueueFeatures, QueueImages and StartJob; fills the table #layers of whoever works.
CREATE OR ALTER PROCEDURE internal.NumberLayers
    @Layer NVARCHAR(256) -- names of layers with commas
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    INSERT INTO #layers (layer, name)
    SELECT ROW_NUMBER() OVER (ORDER BY CHARINDEX(CONCAT(N',', value, N','), CONCAT(N',', @Layer, N','))), value
    FROM STRING_SPLIT(@Layer, N',');
END;
