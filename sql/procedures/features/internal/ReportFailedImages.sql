-- ReportFailedImages: one message for each new row of #failed, which names the picture and says what is wrong.
-- Called by FeaturizeImages, whose table #failed it reads and marks.
CREATE OR ALTER PROCEDURE internal.ReportFailedImages
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Name NVARCHAR(128), @Error NVARCHAR(2000);
    WHILE EXISTS (SELECT 1 FROM #failed WHERE is_new = 1)
    BEGIN
        SELECT TOP (1) @Name = f.name, @Error = LEFT(f.error, 1800)
        FROM #failed AS f
        WHERE f.is_new = 1
        ORDER BY f.name;
        RAISERROR(N'Picture %s failed: %s', 0, 1, @Name, @Error) WITH NOWAIT;
        UPDATE #failed SET is_new = 0 WHERE name = @Name;
    END;
END;
