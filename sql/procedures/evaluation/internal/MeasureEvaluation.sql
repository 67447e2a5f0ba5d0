-- MeasureEvaluation: computes the figures and curves of an evaluation from its scores, and those of a model on age, sex, spacing and
-- scanner alone. That one learns from the scans that the model was trained on, or, where none of those is known, from labelled primary
-- scans of training patients; never from patients of the set.
-- Called by EvaluateModel, whose tables #evaluated and #grouped it reads, and whose table #figures it fills.
CREATE OR ALTER PROCEDURE internal.MeasureEvaluation
    @ClassifierId INT,              -- the model
    @Horizon INT,                   -- days of the labels, or NULL for those of patients
    @Prevalence FLOAT,              -- share of positives at the site, or NULL
    @Seed INT,                      -- of the bootstrap
    @Note NVARCHAR(2000) OUTPUT,    -- what could not be measured is added to it
    @RunId INT = NULL           -- row of dbo.runs that ends with a refusal
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @ErrorNumber INT, @ErrorMessage NVARCHAR(2000), @Said NVARCHAR(2000), @Constant FLOAT,
        @CpuSeconds FLOAT, @PeakMegabytes FLOAT;
    DECLARE @Points NVARCHAR(MAX), @Details NVARCHAR(MAX) = (SELECT details FROM dbo.classifiers WHERE classifier_id = @ClassifierId);
    DECLARE @ExperimentId INT = (SELECT MAX(experiment_id) FROM dbo.experiments WHERE classifier_id = @ClassifierId);
    DECLARE @Language NVARCHAR(128);
    EXECUTE internal.ReadSettings @Language OUTPUT;
    CREATE TABLE #learning (scan_id INT NOT NULL, label TINYINT NOT NULL);
    CREATE TABLE #rows (
        place INT IDENTITY(1, 1) NOT NULL PRIMARY KEY, is_member INT NOT NULL, patient INT NOT NULL, label INT NOT NULL, raw FLOAT NULL,
        probability FLOAT NULL, groups NVARCHAR(MAX) COLLATE DATABASE_DEFAULT NULL, patient_age FLOAT NULL, spacing_z FLOAT NULL,
        spacing_y FLOAT NULL, sex NVARCHAR(1) COLLATE DATABASE_DEFAULT NULL, manufacturer NVARCHAR(64) COLLATE DATABASE_DEFAULT NULL);

    INSERT INTO #learning (scan_id, label)
    SELECT t.scan_id, t.label
    FROM dbo.experiment_patients AS t
    WHERE t.experiment_id = @ExperimentId AND t.part <> 'test' AND t.label IN (0, 1) AND t.scan_id IS NOT NULL
        AND t.patient_id NOT IN (SELECT patient_id FROM #evaluated);
    IF NOT EXISTS (SELECT 1 FROM #learning)
        INSERT INTO #learning (scan_id, label)
        SELECT s.scan_id, COALESCE(h.label, l.label)
        FROM dbo.scans AS s
        INNER JOIN dbo.splits AS sp ON sp.patient_id = s.patient_id AND sp.part = 'train'
        LEFT JOIN dbo.labels AS l ON l.patient_id = s.patient_id AND @Horizon IS NULL
        LEFT JOIN dbo.scan_labels AS h ON h.scan_id = s.scan_id AND h.horizon_days = @Horizon
        WHERE s.is_primary = 1 AND COALESCE(h.label, l.label) IN (0, 1) AND s.patient_id NOT IN (SELECT patient_id FROM #evaluated);
    SET @Constant = (
        SELECT AVG(CAST(label AS FLOAT)) FROM dbo.experiment_patients
        WHERE experiment_id = @ExperimentId AND part <> 'test' AND label IN (0, 1));
    -- Thresholds that the training has chosen without its test patients.
    SET @Points = CONCAT(N'{"50": 0.5', (
        SELECT STRING_AGG(CONCAT(N', "', SUBSTRING(metric, 14, 50), N'": ', COALESCE(CONVERT(NVARCHAR(40), value, 3), N'null')), N'')
            WITHIN GROUP (ORDER BY metric)
        FROM dbo.experiment_metrics
        WHERE experiment_id = @ExperimentId AND part = (
                SELECT MIN(part) FROM dbo.experiment_metrics WHERE experiment_id = @ExperimentId AND metric = N'threshold_at_50')
            AND metric LIKE N'threshold[_]at[_]%' AND metric <> N'threshold_at_50'), N'}');

    INSERT INTO #rows (is_member, patient, label, raw, probability, groups, patient_age, spacing_z, spacing_y, sex, manufacturer)
    SELECT r.is_member, r.patient, r.label, r.raw, r.probability, r.groups,
        k.age, s.spacing_z, s.spacing_y, p.sex, s.manufacturer
    FROM (
        SELECT 1 AS is_member, e.patient, CAST(e.label AS INT) AS label, e.raw, e.probability, g.groups, e.scan_id
        FROM #evaluated AS e
        LEFT JOIN (
            SELECT place, STRING_AGG(CAST(group_id AS NVARCHAR(MAX)), N',') WITHIN GROUP (ORDER BY group_id) AS groups
            FROM #grouped
            GROUP BY place) AS g ON g.place = e.place
        WHERE e.label IS NOT NULL
        UNION ALL
        SELECT 0, 0, CAST(label AS INT), NULL, NULL, NULL, scan_id FROM #learning) AS r
    INNER JOIN dbo.scans AS s ON s.scan_id = r.scan_id
    INNER JOIN dbo.patients AS p ON p.patient_id = s.patient_id
    INNER JOIN dbo.scan_columns AS k ON k.scan_id = s.scan_id
    ORDER BY r.is_member DESC, p.patient_id, s.scan_id;

    INSERT INTO #figures (kind, source, group_id, name, position, x, y, threshold, low, high)
    EXECUTE sp_execute_external_script
        @language = @Language,
        @script = N'
def main(scans, constant, points, prevalence, details, seed):
    from lungdb.procedures import evaluate_scores, measured
    return measured(evaluate_scores, scans, constant, points, prevalence, details, seed)

OutputDataSet, Said, ErrorNumber, ErrorMessage, CpuSeconds, PeakMegabytes = main(
    InputDataSet, Constant, Points, Prevalence, Details, Seed)
',
        @input_data_1 = N'
SELECT is_member, patient, label, raw, probability, groups, patient_age, spacing_z, spacing_y, sex, manufacturer
FROM #rows
ORDER BY place;',
        @params = N'@Constant FLOAT, @Points NVARCHAR(MAX), @Prevalence FLOAT, @Details NVARCHAR(MAX), @Seed INT,
            @Said NVARCHAR(2000) OUTPUT, @ErrorNumber INT OUTPUT, @ErrorMessage NVARCHAR(2000) OUTPUT,
            @CpuSeconds FLOAT OUTPUT, @PeakMegabytes FLOAT OUTPUT',
        @Constant = @Constant, @Points = @Points, @Prevalence = @Prevalence, @Details = @Details, @Seed = @Seed,
        @Said = @Said OUTPUT, @ErrorNumber = @ErrorNumber OUTPUT, @ErrorMessage = @ErrorMessage OUTPUT,
        @CpuSeconds = @CpuSeconds OUTPUT, @PeakMegabytes = @PeakMegabytes OUTPUT;
    IF @ErrorNumber <> 0
        EXECUTE internal.EndRun @RunId, 0, @ErrorMessage;
    IF @ErrorNumber <> 0
    BEGIN
        SET @Message = REPLACE(@ErrorMessage, N'%', N'%%');
        THROW @ErrorNumber, @Message, 1;
    END;
    SET @Note = LEFT(NULLIF(CONCAT(@Note + N' ', @Said), N''), 2000);
    EXECUTE internal.ReportStep @RunId, N'Measured; storing.', NULL, NULL, NULL, NULL, NULL, @CpuSeconds, @PeakMegabytes;
END;
