-- ReportImages: takes what is done from #todo, and says how much that is, how fast it goes, and how long the rest will take.
-- Called by FeaturizeImages and StoreWork, whose tables #todo and #chunk these are.
CREATE OR ALTER PROCEDURE internal.ReportImages
    @RunId INT,              -- row of dbo.runs
    @Provider NVARCHAR(128), -- what the network ran on
    @Started DATETIME2(3),   -- when the run began
    @Total INT,              -- pictures that were to do
    @CpuSeconds FLOAT,       -- processor time of the script
    @PeakMegabytes FLOAT,    -- most memory of its process
    @Done INT OUTPUT         -- those that are done by now
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Rate INT, @Left INT;
    SET @Done = @Done + (SELECT COUNT(*) FROM #chunk);
    DELETE t FROM #todo AS t INNER JOIN #chunk AS c ON c.name = t.name;
    SET @Rate = 1000.0 * @Done / (DATEDIFF_BIG(MILLISECOND, @Started, SYSUTCDATETIME()) + 1);
    SET @Left = (@Total - @Done) / (@Rate + 1);
    SET @Message = CONCAT(@Done, N' of ', @Total, N' pictures done on ', @Provider, N', ', @Rate, N' pictures per second, about ',
        @Left, N' seconds left.');
    EXECUTE internal.ReportStep @RunId, @Message, @Done, @Total, NULL, NULL, @Provider, @CpuSeconds, @PeakMegabytes;
END;
