-- AddSimilarRows: adds the rows of #lot to what their means and standard deviations are computed from.
-- Called by FindSimilarRows, whose table #lot it reads.
CREATE OR ALTER PROCEDURE internal.AddSimilarRows
    @Array VARBINARY(MAX),       -- the row that all are compared with, which counts too
    @Sums VARBINARY(MAX) OUTPUT, -- what the call before gave, empty in the first; now with these rows
    @RunId INT = NULL            -- row of dbo.runs that ends with a refusal
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Language NVARCHAR(128), @ErrorNumber INT, @ErrorMessage NVARCHAR(2000), @Before VARBINARY(MAX);
    EXECUTE internal.ReadSettings @Language OUTPUT;
    SET @Before = @Sums;
    EXECUTE sp_execute_external_script
        @language = @Language,
        @script = N'
def main(arrays, before, array):
    from lungdb.procedures import add_rows
    return add_rows(arrays, before, array)

Sums, ErrorNumber, ErrorMessage = main(InputDataSet, Before, Array)
',
        @input_data_1 = N'
SELECT place, array_rows, array_cols, CONVERT(VARCHAR(MAX), array, 2) AS array, CONVERT(VARCHAR(64), sha256, 2) AS sha256
FROM #lot
ORDER BY place;',
        @params = N'@Before VARBINARY(MAX), @Array VARBINARY(MAX), @Sums VARBINARY(MAX) OUTPUT, @ErrorNumber INT OUTPUT,
            @ErrorMessage NVARCHAR(2000) OUTPUT',
        @Before = @Before, @Array = @Array, @Sums = @Sums OUTPUT, @ErrorNumber = @ErrorNumber OUTPUT, @ErrorMessage = @ErrorMessage OUTPUT;
    IF @ErrorNumber <> 0
        EXECUTE internal.EndRun @RunId, 0, @ErrorMessage;
    IF @ErrorNumber <> 0
    BEGIN
        SET @Message = REPLACE(@ErrorMessage, N'%', N'%%');
        THROW @ErrorNumber, @Message, 1;
    END;
END;
