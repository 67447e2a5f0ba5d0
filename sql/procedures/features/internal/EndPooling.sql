-- EndPooling: ends a run, with an error that names the first of the scans that failed.
-- Called by PoolFeatures, whose table #failed it reads.
CREATE OR ALTER PROCEDURE internal.EndPooling
    @RunId INT,               -- row of dbo.runs
    @Total INT,               -- scans that were to do
    @Pooling NVARCHAR(32)     -- what the pooling is called
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Failed INT = (SELECT COUNT(*) FROM #failed);
    IF @Failed > 0
        SET @Message = REPLACE(LEFT(CONCAT(@Failed, N' of ', @Total, N' scans failed and have no vector of the pooling ', @Pooling, N': ', (
                SELECT STRING_AGG(CONCAT(N'scan ', f.scan_id, N': ', LEFT(f.error, 240)), N' ') WITHIN GROUP (ORDER BY f.scan_id)
                FROM (SELECT TOP (5) scan_id, error FROM #failed ORDER BY scan_id) AS f),
            IIF(@Failed > 5, CONCAT(N' … dbo.run_steps has all of them, for run ', @RunId, N'.'), N''),
            N' The others are stored.'), 1900), N'%', N'%%');
    EXECUTE internal.EndRun @RunId, @Failed, @Message;
    IF @Failed > 0
        THROW 50120, @Message, 1;
END;
