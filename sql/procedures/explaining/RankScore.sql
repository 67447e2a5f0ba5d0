-- RankScore: what a stored score means: the model that gave it, and where it stands among the scores of the training run.
-- Example: EXECUTE dbo.RankScore @PredictionId = 1;
CREATE OR ALTER PROCEDURE dbo.RankScore
    @PredictionId INT = NULL, -- prediction_id of dbo.predictions; needed
    @Help BIT = 0             -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.RankScore returns one row about a score: the model with its test figures, and where the score stands among those that
the training run gave its training patients, each by a model that had not seen the patient. The patient asked about is left out:
compared_patients is how many the others are, training_prevalence the share of positives that the model was trained on.
higher_than is the percentage of them with a lower score; equal ones do not count. like_this is how many are scored about like this one:
the nearest tenth of them, 20 at least, and all that are as near; like_this_with_cancer how many of those had cancer, and
like_this_low_percent to like_this_high_percent the range of their scores, corrected for the prevalence as this score is.
like_this_about_percent is for those who may not know single labels: the percentage with cancer, to the nearest ten, in that of at most ten
equal groups of the training patients (20 at least each, this one among them) to which the score belongs, so all of a group are
told the same. Scores are compared before calibration and correction, which keep their order. A patient with several scans counts
with the first. Where no such scores are stored, higher_than is NULL, like_this 0.
Parameters:
    @PredictionId INT = NULL  prediction_id of dbo.predictions; needed
    @Help BIT = 0             1 prints this help and does nothing else
Example:
    EXECUTE dbo.RankScore @PredictionId = 1;';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000), @PatientId NVARCHAR(64), @Raw FLOAT, @Prevalence FLOAT, @TrainedOn FLOAT, @ExperimentId INT;
    DECLARE @Others INT, @HigherThan FLOAT, @Nearest INT, @Radius FLOAT, @LikeThis INT, @WithCancer INT, @Low FLOAT, @High FLOAT;
    DECLARE @Ranked INT, @Groups INT, @Group INT, @About FLOAT, @ClassifierId INT;
    CREATE TABLE #scores (patient_id NVARCHAR(64) COLLATE DATABASE_DEFAULT NOT NULL PRIMARY KEY, label INT NOT NULL,
        probability FLOAT NOT NULL, raw FLOAT NOT NULL, distance FLOAT NOT NULL);
    CREATE TABLE #ranked (place INT NOT NULL PRIMARY KEY, label INT NOT NULL, raw FLOAT NOT NULL);

    -- A prediction without raw_probability is older than calibration, when the two were one.
    SELECT @PatientId = s.patient_id, @ClassifierId = r.classifier_id, @Raw = COALESCE(r.raw_probability, r.probability),
        @Prevalence = r.prevalence,
        @TrainedOn = CAST(JSON_VALUE(c.details, N'$.prevalence') AS FLOAT),
        @ExperimentId = (SELECT MAX(e.experiment_id) FROM dbo.experiments AS e WHERE e.classifier_id = r.classifier_id)
    FROM dbo.predictions AS r
    INNER JOIN dbo.scans AS s ON s.scan_id = r.scan_id
    INNER JOIN dbo.classifiers AS c ON c.classifier_id = r.classifier_id
    WHERE r.prediction_id = @PredictionId;
    IF @PatientId IS NULL
    BEGIN
        SET @Message = CONCAT(N'There is no prediction with the number ', COALESCE(CAST(@PredictionId AS NVARCHAR(12)), N'NULL'),
            N'. Give a prediction_id of dbo.predictions.');
        THROW 50145, @Message, 1;
    END;

    EXECUTE internal.NeedProbabilities @ClassifierId, N'RankScore ranks scores of';

    INSERT INTO #scores (patient_id, label, probability, raw, distance)
    SELECT p.patient_id, p.label, p.probability, p.raw, ABS(p.raw - @Raw)
    FROM dbo.experiment_patients AS p
    WHERE p.experiment_id = @ExperimentId AND p.part <> 'test' AND p.out_of_fold = 1 AND p.label IS NOT NULL AND p.raw IS NOT NULL
        AND p.patient_id <> @PatientId AND p.member = 0;
    SET @Others = (SELECT COUNT(*) FROM #scores);
    SET @HigherThan = (SELECT 100.0 * SUM(CASE WHEN raw < @Raw THEN 1 ELSE 0 END) / NULLIF(@Others, 0) FROM #scores);
    SET @Nearest = IIF(@Others / 10 > 20, @Others / 10, 20);
    SET @Radius = (SELECT MAX(n.distance) FROM (SELECT TOP (@Nearest) distance FROM #scores ORDER BY distance) AS n);
    SELECT @LikeThis = COUNT(*), @WithCancer = COALESCE(SUM(label), 0), @Low = MIN(probability), @High = MAX(probability)
    FROM #scores
    WHERE distance <= @Radius;

    -- Neighbours of one patient after another, or all but the patient asked about, would tell single labels by their differences.
    INSERT INTO #ranked (place, label, raw)
    SELECT ROW_NUMBER() OVER (ORDER BY p.raw, p.patient_id) - 1, p.label, p.raw
    FROM dbo.experiment_patients AS p
    WHERE p.experiment_id = @ExperimentId AND p.part <> 'test' AND p.out_of_fold = 1 AND p.label IS NOT NULL AND p.raw IS NOT NULL
        AND p.member = 0;
    SET @Ranked = (SELECT COUNT(*) FROM #ranked);
    SET @Groups = CASE WHEN @Ranked < 40 THEN 1 WHEN @Ranked > 200 THEN 10 ELSE @Ranked / 20 END;
    SET @Group = (SELECT COUNT(*) FROM #ranked WHERE raw < @Raw) * @Groups / NULLIF(@Ranked, 0);
    SET @Group = IIF(@Group = @Groups, @Groups - 1, @Group);
    SET @About = (SELECT 10 * ROUND(10.0 * SUM(label) / COUNT(*), 0) FROM #ranked WHERE place * @Groups / @Ranked = @Group);

    IF @Prevalence IS NOT NULL
        -- Bayes' theorem as in lungdb.learning.calibration.correct_prevalence.
        SELECT
            @Low = @Low * @Prevalence / @TrainedOn
                / (@Low * @Prevalence / @TrainedOn + (1 - @Low) * (1 - @Prevalence) / (1 - @TrainedOn)),
            @High = @High * @Prevalence / @TrainedOn
                / (@High * @Prevalence / @TrainedOn + (1 - @High) * (1 - @Prevalence) / (1 - @TrainedOn));

    SELECT r.prediction_id, p.idx AS patient_index, 100 * r.probability AS probability_percent,
        c.name AS model_name, c.version AS model_version, c.library,
        (SELECT m.value FROM dbo.experiment_metrics AS m
            WHERE m.experiment_id = @ExperimentId AND m.part = 'test' AND m.metric = N'auc') AS test_auc,
        (SELECT m.value FROM dbo.experiment_metrics AS m
            WHERE m.experiment_id = @ExperimentId AND m.part = 'test' AND m.metric = N'auc_low') AS test_auc_low,
        (SELECT m.value FROM dbo.experiment_metrics AS m
            WHERE m.experiment_id = @ExperimentId AND m.part = 'test' AND m.metric = N'auc_high') AS test_auc_high,
        (SELECT COUNT(DISTINCT t.patient_id) FROM dbo.test_scores AS t WHERE t.experiment_id = @ExperimentId) AS test_patients,
        (SELECT COUNT(DISTINCT t.patient_id) FROM dbo.experiment_patients AS t
            WHERE t.experiment_id = @ExperimentId AND t.part <> 'test') AS training_patients,
        @TrainedOn AS training_prevalence, @Others AS compared_patients,
        @HigherThan AS higher_than, @LikeThis AS like_this, @WithCancer AS like_this_with_cancer,
        100 * @Low AS like_this_low_percent, 100 * @High AS like_this_high_percent, r.prevalence,
        @About AS like_this_about_percent
    FROM dbo.predictions AS r
    INNER JOIN dbo.scans AS s ON s.scan_id = r.scan_id
    INNER JOIN dbo.patients AS p ON p.patient_id = s.patient_id
    INNER JOIN dbo.classifiers AS c ON c.classifier_id = r.classifier_id
    WHERE r.prediction_id = @PredictionId;
END;
