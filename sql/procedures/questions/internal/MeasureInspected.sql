-- MeasureInspected: looks in features and columns of the scans in #inspected for near-duplicates, outliers, missing values and leaks, and
-- ranks the features by how they go with the label.
-- Called by InspectDataset, whose tables #inspected, #cells, #columns and #space it reads and whose table #findings it fills.
CREATE OR ALTER PROCEDURE internal.MeasureInspected
    @Task NVARCHAR(32), -- classification or regression
    @Alpha FLOAT,       -- share of clean data sets that raise an alarm
    @Top INT,           -- rows of each kind at most
    @RunId INT = NULL           -- row of dbo.runs that ends with a refusal
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @ErrorNumber INT, @ErrorMessage NVARCHAR(2000), @Language NVARCHAR(128),
        @CpuSeconds FLOAT, @PeakMegabytes FLOAT;
    EXECUTE internal.ReadSettings @Language OUTPUT;
    CREATE TABLE #rows (
        place INT NOT NULL PRIMARY KEY, patient INT NOT NULL, stands INT NOT NULL, part INT NOT NULL, is_labelled INT NOT NULL,
        label FLOAT NULL, numbers NVARCHAR(MAX) COLLATE DATABASE_DEFAULT NOT NULL,
        texts NVARCHAR(MAX) COLLATE DATABASE_DEFAULT NOT NULL, vector NVARCHAR(MAX) COLLATE DATABASE_DEFAULT NULL);
    CREATE TABLE #measured (
        number INT IDENTITY(1, 1) NOT NULL PRIMARY KEY, finding NVARCHAR(60) COLLATE DATABASE_DEFAULT NULL, severity INT NULL,
        position INT NULL, place INT NULL, other INT NULL, value FLOAT NULL, low FLOAT NULL, high FLOAT NULL, alarm_limit FLOAT NULL,
        p_value FLOAT NULL, q_value FLOAT NULL, of_class INT NULL);
    CREATE TABLE #sent (place INT NOT NULL, part INT NOT NULL);
    CREATE TABLE #came (place INT NULL, part INT NULL);

    INSERT INTO #rows (place, patient, stands, part, is_labelled, label, numbers, texts, vector)
    SELECT i.place, i.patient, i.stands, i.part, i.is_labelled, i.label, n.numbers, t.texts, v.vector
    FROM #inspected AS i
    INNER JOIN (
        SELECT e.place, CONCAT(N'[', STRING_AGG(CAST(COALESCE(CONVERT(NVARCHAR(40), e.x, 3), N'null') AS NVARCHAR(MAX)), N',')
            WITHIN GROUP (ORDER BY e.position), N']') AS numbers
        FROM #cells AS e
        INNER JOIN #columns AS c ON c.position = e.position
        WHERE c.is_text = 0
        GROUP BY e.place) AS n ON n.place = i.place
    INNER JOIN (
        SELECT e.place, CONCAT(N'[', STRING_AGG(CAST(COALESCE(N'"' + STRING_ESCAPE(e.t, 'json') + N'"', N'null') AS NVARCHAR(MAX)), N',')
            WITHIN GROUP (ORDER BY e.position), N']') AS texts
        FROM #cells AS e
        INNER JOIN #columns AS c ON c.position = e.position
        WHERE c.is_text = 1
        GROUP BY e.place) AS t ON t.place = i.place
    LEFT JOIN #space AS v ON v.scan_id = i.scan_id;
    INSERT INTO #measured (finding, severity, position, place, other, of_class, value, low, high, alarm_limit, p_value, q_value)
    EXECUTE sp_execute_external_script
        @language = @Language,
        @script = N'
def main(scans, task, alpha, top):
    from lungdb.procedures import inspect_dataset, measured
    return measured(inspect_dataset, scans, task, alpha, top)

OutputDataSet, ErrorNumber, ErrorMessage, CpuSeconds, PeakMegabytes = main(
    InputDataSet, Task, Alpha, Top)
',
        @input_data_1 = N'
SELECT place, patient, stands, part, is_labelled, label, numbers, texts, vector
FROM #rows
ORDER BY place;',
        @params = N'@Task NVARCHAR(32), @Alpha FLOAT, @Top INT, @ErrorNumber INT OUTPUT, @ErrorMessage NVARCHAR(2000) OUTPUT,
            @CpuSeconds FLOAT OUTPUT, @PeakMegabytes FLOAT OUTPUT',
        @Task = @Task, @Alpha = @Alpha, @Top = @Top, @ErrorNumber = @ErrorNumber OUTPUT, @ErrorMessage = @ErrorMessage OUTPUT,
        @CpuSeconds = @CpuSeconds OUTPUT, @PeakMegabytes = @PeakMegabytes OUTPUT;
    IF @ErrorNumber <> 0
        EXECUTE internal.EndRun @RunId, 0, @ErrorMessage;
    IF @ErrorNumber <> 0
    BEGIN
        SET @Message = REPLACE(@ErrorMessage, N'%', N'%%');
        THROW @ErrorNumber, @Message, 1;
    END;

    -- Each row is of a finding that is known here and of scans that were sent.
    INSERT INTO #sent (place, part)
    SELECT number, 1 FROM #measured;
    INSERT INTO #came (place, part)
    SELECT m.number, IIF(m.finding IN (SELECT code FROM #meanings) AND m.severity IN (0, 1, 2)
        AND (m.place = -1 OR m.place IN (SELECT place FROM #rows)) AND (m.other = -1 OR m.other IN (SELECT place FROM #rows)), 1, 0)
    FROM #measured AS m;
    EXECUTE internal.CheckRows N'rows', @RunId;
    EXECUTE internal.ReportStep @RunId, N'Measured.', NULL, NULL, NULL, NULL, NULL, @CpuSeconds, @PeakMegabytes;
    INSERT INTO #findings (finding, severity, position, place, other, of_class, value, low, high, alarm_limit, p_value, q_value)
    SELECT finding, severity, NULLIF(position, -1), NULLIF(place, -1), NULLIF(other, -1), NULLIF(of_class, -1), value, low, high,
        alarm_limit, p_value, q_value
    FROM #measured;
END;
