-- ReportFailedImages: says of each new row of #failed which picture it is and what is wrong.
-- Called by FeaturizeImages, StoreWork, TakeImages and FailImages, whose table #failed it reads and marks.
CREATE OR ALTER PROCEDURE internal.ReportFailedImages
    @RunId INT -- row of dbo.runs
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Name NVARCHAR(128), @Message NVARCHAR(2000);
    WHILE EXISTS (SELECT 1 FROM #failed WHERE is_new = 1)
    BEGIN
        SELECT TOP (1) @Name = f.name, @Message = CONCAT(N'Picture ', f.name, N' failed: ', LEFT(f.error, 1800))
        FROM #failed AS f
        WHERE f.is_new = 1
        ORDER BY f.name;
        EXECUTE internal.ReportStep @RunId, @Message;
        UPDATE #failed SET is_new = 0 WHERE name = @Name;
    END;
END;
