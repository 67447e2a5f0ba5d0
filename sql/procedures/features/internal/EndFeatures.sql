-- EndFeatures: ends a run, with an error that names the first of the scans that failed, or that maps of some are not kept.
-- Called by GenerateFeatures, whose table #failed it reads.
CREATE OR ALTER PROCEDURE internal.EndFeatures
    @RunId INT,     -- row of dbo.runs
    @Total INT,     -- scans that were to do
    @Unkept INT     -- scans and layers whose maps could not be kept
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Failed INT;
    SELECT @Failed = COUNT(*) FROM #failed;
    IF @Failed > 0
        SET @Message = REPLACE(LEFT(CONCAT(@Failed, N' of ', @Total, N' scans failed and have no features: ', (
                SELECT STRING_AGG(CONCAT(N'scan ', f.scan_id, N': ', LEFT(f.error, 240)), N' ') WITHIN GROUP (ORDER BY f.scan_id)
                FROM (SELECT TOP (5) scan_id, error FROM #failed ORDER BY scan_id) AS f),
            IIF(@Failed > 5, N' …', N''), N' dbo.scan_failures has all of them. ',
            CAST(NULLIF(@Unkept, 0) AS NVARCHAR(12)) + N' scans and layers have features and no maps, see dbo.run_steps. ',
            N'The others are stored. Mend or reload those scans and call GenerateFeatures again.'), 1900), N'%', N'%%');
    ELSE IF @Unkept > 0
        SET @Message = CONCAT(@Unkept, N' scans and layers have features and no maps; dbo.run_steps says which and why, for run ', @RunId,
            N'. The others are kept. Mend those and call GenerateFeatures @KeepMaps = 1 again.');
    EXECUTE internal.EndRun @RunId, @Failed, @Message;
    IF @Failed > 0
        THROW 50120, @Message, 1;
    IF @Unkept > 0
        THROW 50415, @Message, 1;
END;
