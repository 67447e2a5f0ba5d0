-- MeasurePairs: finds the patients whom two models have both scored without having learnt from them, and measures both models on them,
-- in T-SQL alone. A patient with several scans counts with those scans that both have scored.
-- Called by PromoteModel and CompareScores, whose table #pairs it fills.
CREATE OR ALTER PROCEDURE internal.MeasurePairs
    @ClassifierA INT,      -- a model
    @ClassifierB INT,      -- another
    @Metric NVARCHAR(64),  -- auc, average_precision, log_loss or brier; of training patients of a regression rmse or mae
    @OfTest BIT,           -- 1 takes the test patients; 0 takes the others, by their out-of-fold scores
    @Patients INT OUTPUT,  -- patients in common, those whose label was changed between the two runs left out
    @ValueA FLOAT OUTPUT,  -- the first model's figure, NULL unless there are patients with and without cancer
    @ValueB FLOAT OUTPUT   -- the second model's
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Positives FLOAT, @Negatives FLOAT, @Pairs FLOAT;
    DECLARE @ExperimentA INT = (SELECT MAX(experiment_id) FROM dbo.experiments WHERE classifier_id = @ClassifierA);
    DECLARE @ExperimentB INT = (SELECT MAX(experiment_id) FROM dbo.experiments WHERE classifier_id = @ClassifierB);
    -- What a probability is kept away from 0 and 1 in a logarithm, as scikit-learn does.
    DECLARE @Least FLOAT = POWER(CAST(2 AS FLOAT), -52);

    IF @OfTest = 0 AND NOT EXISTS (
        SELECT 1 FROM dbo.classifiers WHERE classifier_id IN (@ClassifierA, @ClassifierB) AND task <> 'regression')
    BEGIN
        EXECUTE internal.MeasureNumbers @ClassifierA, @ClassifierB, @Metric, @Patients OUTPUT, @ValueA OUTPUT, @ValueB OUTPUT;
        RETURN 0;
    END;
    EXECUTE internal.NeedProbabilities @ClassifierA, N'These figures compare';
    EXECUTE internal.NeedProbabilities @ClassifierB, N'These figures compare';
    IF @Metric IS NULL OR @Metric NOT IN (N'auc', N'average_precision', N'log_loss', N'brier')
    BEGIN
        SET @Message = CONCAT(N'The value ', COALESCE(N'''' + REPLACE(@Metric, N'%', N'%%') + N'''', N'NULL'),
            N' for the parameter @Metric is not supported. Supported values are auc, average_precision, log_loss and brier.');
        THROW 50101, @Message, 1;
    END;

    -- The part `validation` is left out: it was looked at to stop early.
    CREATE TABLE #paired_scores (
        model INT NOT NULL, patient_id NVARCHAR(64) COLLATE DATABASE_DEFAULT NOT NULL, member INT NOT NULL, scan_id INT NULL,
        label INT NOT NULL, score FLOAT NOT NULL, PRIMARY KEY (model, patient_id, member));
    INSERT INTO #paired_scores (model, patient_id, member, scan_id, label, score)
    SELECT m.model, s.patient_id, s.member, s.scan_id, s.label, s.probability
    FROM (SELECT 0 AS model, @ExperimentA AS experiment_id UNION ALL SELECT 1, @ExperimentB) AS m
    INNER JOIN dbo.experiment_scores AS s ON s.experiment_id = m.experiment_id
    INNER JOIN dbo.splits AS p ON p.patient_id = s.patient_id
    WHERE s.out_of_fold = 1 AND s.label IS NOT NULL AND s.probability IS NOT NULL
        AND s.part = IIF(@OfTest = 1, 'test', 'train') AND p.part = s.part;
    -- A single scan of a patient in each run is a pair though it was loaded again between the two.
    INSERT INTO #pairs (patient_id, label, a, b)
    SELECT a.patient_id, a.label, a.score, b.score
    FROM #paired_scores AS a
    INNER JOIN #paired_scores AS b ON b.model = 1 AND b.patient_id = a.patient_id AND b.label = a.label
    WHERE a.model = 0 AND (a.scan_id = b.scan_id OR 2 = (SELECT COUNT(*) FROM #paired_scores AS t WHERE t.patient_id = a.patient_id));
    SELECT @Pairs = COUNT(*), @Patients = COUNT(DISTINCT patient_id), @Positives = COALESCE(SUM(label), 0) FROM #pairs;
    SELECT @Negatives = @Pairs - @Positives, @ValueA = NULL, @ValueB = NULL;
    IF @Positives = 0 OR @Negatives = 0
        RETURN 0;

    -- A level is a score of a model with everybody who has it; `found` and `seen` count from the highest level down to it.
    -- AUC counts pairs of one positive and one negative that are in order, ties as half, which is what ranks sum up to.
    WITH scores AS (
        SELECT 0 AS model, CAST(label AS FLOAT) AS label, a AS score FROM #pairs
        UNION ALL
        SELECT 1, CAST(label AS FLOAT), b FROM #pairs
    ), levels AS (
        SELECT model, score, SUM(label) AS positives, SUM(1 - label) AS negatives,
            CASE WHEN score < @Least THEN @Least WHEN score > 1 - @Least THEN 1 - @Least ELSE score END AS kept
        FROM scores
        GROUP BY model, score
    ), counted AS (
        SELECT model, score, positives, negatives, kept,
            SUM(positives) OVER (PARTITION BY model ORDER BY score DESC ROWS UNBOUNDED PRECEDING) AS found,
            SUM(positives + negatives) OVER (PARTITION BY model ORDER BY score DESC ROWS UNBOUNDED PRECEDING) AS seen
        FROM levels
    ), figures AS (
        SELECT model,
            SUM(negatives * (found - positives / 2)) / (@Positives * @Negatives) AS auc,
            SUM(positives * found / seen) / @Positives AS average_precision,
            -SUM(positives * LOG(kept) + negatives * LOG(1 - kept)) / @Pairs AS log_loss,
            SUM(positives * (1 - score) * (1 - score) + negatives * score * score) / @Pairs AS brier
        FROM counted
        GROUP BY model
    ), chosen AS (
        SELECT model,
            CASE @Metric WHEN N'auc' THEN auc WHEN N'average_precision' THEN average_precision
                WHEN N'log_loss' THEN log_loss ELSE brier END AS value
        FROM figures
    )
    SELECT @ValueA = SUM(CASE WHEN model = 0 THEN value ELSE 0 END), @ValueB = SUM(CASE WHEN model = 1 THEN value ELSE 0 END)
    FROM chosen;
END;
