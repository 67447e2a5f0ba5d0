-- ReportScans: takes what is done from #todo, and says how much that is, how fast it goes, and how long the rest will take.
-- Called by GenerateFeatures and StoreWork, whose tables #todo and #chunk these are.
CREATE OR ALTER PROCEDURE internal.ReportScans
    @RunId INT,              -- row of dbo.runs
    @Provider NVARCHAR(128), -- what the network ran on
    @Started DATETIME2(3),   -- when the run began
    @Total INT,              -- scans that were to do
    @CpuSeconds FLOAT,       -- processor time of the script
    @PeakMegabytes FLOAT,    -- most memory of its process
    @Done INT OUTPUT,        -- those that are done by now
    @Slices INT OUTPUT       -- their slices
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Rate INT, @Left INT, @Scans INT, @OfStep INT;
    SELECT @Scans = COUNT(*), @OfStep = COALESCE(SUM(t.slices), 0)
    FROM #todo AS t
    INNER JOIN #chunk AS c ON c.scan_id = t.scan_id;
    SELECT @Done = @Done + @Scans, @Slices = @Slices + @OfStep;
    DELETE t FROM #todo AS t INNER JOIN #chunk AS c ON c.scan_id = t.scan_id;
    SET @Rate = 1000.0 * @Slices / (DATEDIFF_BIG(MILLISECOND, @Started, SYSUTCDATETIME()) + 1);
    SET @Left = (SELECT COALESCE(SUM(slices), 0) FROM #todo) / (@Rate + 1);
    SET @Message = CONCAT(@Done, N' of ', @Total, N' scans done on ', @Provider, N', ', @Rate, N' slices per second, about ', @Left,
        N' seconds left.');
    EXECUTE internal.ReportStep @RunId, @Message, @Done, @Total, @Scans, @OfStep, @Provider, @CpuSeconds, @PeakMegabytes;
END;
