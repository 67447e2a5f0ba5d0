-- MeasureNodules: computes the free-response ROC of candidates and marks.
-- Called by EvaluateNodules, whose tables #scans, #marked and #candidates it reads, and whose table #measured it fills.
CREATE OR ALTER PROCEDURE internal.MeasureNodules
    @Seed INT,                     -- of the bootstrap
    @MostPerScan INT,              -- candidates of a scan that count, or NULL
    @RunId INT,                    -- row of dbo.runs
    @Counts NVARCHAR(400) OUTPUT   -- JSON: how many nodules, candidates and so on there are
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @ErrorNumber INT, @ErrorMessage NVARCHAR(2000), @CpuSeconds FLOAT, @PeakMegabytes FLOAT;
    DECLARE @Language NVARCHAR(128);
    EXECUTE internal.ReadSettings @Language OUTPUT;
    CREATE TABLE #rows (
        place INT IDENTITY(1, 1) NOT NULL PRIMARY KEY, scan_id INT NOT NULL, kind INT NOT NULL, x FLOAT NULL, y FLOAT NULL, z FLOAT NULL,
        value FLOAT NULL);
    INSERT INTO #rows (scan_id, kind, x, y, z, value)
    SELECT r.scan_id, r.kind, r.x, r.y, r.z, r.value
    FROM (
        SELECT s.scan_id, 0 AS kind, CAST(NULL AS FLOAT) AS x, CAST(NULL AS FLOAT) AS y, CAST(NULL AS FLOAT) AS z,
            CAST(NULL AS FLOAT) AS value
        FROM #scans AS s
        UNION ALL
        SELECT m.scan_id, IIF(m.is_nodule = 1, 1, 2), m.x, m.y, m.z, m.diameter FROM #marked AS m
        UNION ALL
        SELECT c.scan_id, 3, c.x, c.y, c.z, c.score FROM #candidates AS c) AS r
    ORDER BY r.scan_id, r.kind, r.x, r.y, r.z, r.value;

    INSERT INTO #measured (position, rate, sensitivity, low, high)
    EXECUTE sp_execute_external_script
        @language = @Language,
        @script = N'
def main(findings, seed, most):
    from lungdb.procedures import evaluate_nodules, measured
    return measured(evaluate_nodules, findings, seed, most)

OutputDataSet, Counts, ErrorNumber, ErrorMessage, CpuSeconds, PeakMegabytes = main(InputDataSet, Seed, Most)
',
        @input_data_1 = N'
SELECT scan_id, kind, x, y, z, value
FROM #rows
ORDER BY place;',
        @params = N'@Seed INT, @Most INT, @Counts NVARCHAR(400) OUTPUT, @ErrorNumber INT OUTPUT, @ErrorMessage NVARCHAR(2000) OUTPUT,
            @CpuSeconds FLOAT OUTPUT, @PeakMegabytes FLOAT OUTPUT',
        @Seed = @Seed, @Most = @MostPerScan, @Counts = @Counts OUTPUT, @ErrorNumber = @ErrorNumber OUTPUT,
        @ErrorMessage = @ErrorMessage OUTPUT, @CpuSeconds = @CpuSeconds OUTPUT, @PeakMegabytes = @PeakMegabytes OUTPUT;
    IF @ErrorNumber <> 0
        EXECUTE internal.EndRun @RunId, 0, @ErrorMessage;
    IF @ErrorNumber <> 0
    BEGIN
        SET @Message = REPLACE(@ErrorMessage, N'%', N'%%');
        THROW @ErrorNumber, @Message, 1;
    END;
    EXECUTE internal.ReportStep @RunId, N'Measured; storing.', NULL, NULL, NULL, NULL, NULL, @CpuSeconds, @PeakMegabytes;
END;
