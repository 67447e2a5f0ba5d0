-- StoreEvaluation: stores an evaluation: its scores, subgroups, figures, curves, and the differences between reconstructions.
-- It is the only writer of dbo.evaluations and the tables beside it. A look at test patients is counted.
-- Called by EvaluateModel, whose tables #evaluated, #groups, #grouped and #figures it reads.
CREATE OR ALTER PROCEDURE internal.StoreEvaluation
    @ClassifierId INT,              -- the model
    @DatasetVersionId INT,          -- the version of a data set
    @Horizon INT,                   -- days of the labels, or NULL for those of patients
    @Prevalence FLOAT,              -- share of positives at the site, or NULL
    @Seed INT,                      -- of the bootstrap
    @LeftOut INT,                   -- members that were left out
    @Force BIT,                     -- 1 where it was measured whatever the model has learnt from
    @Overlap NVARCHAR(1000),        -- what speaks against the figures, or NULL
    @Note NVARCHAR(2000),           -- what could not be measured, or NULL
    @EvaluationId INT OUTPUT        -- the row
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000);
    CREATE TABLE #pairs (
        patient INT NOT NULL, kernel_a NVARCHAR(64) COLLATE DATABASE_DEFAULT NULL, kernel_b NVARCHAR(64) COLLATE DATABASE_DEFAULT NULL,
        difference FLOAT NOT NULL);
    INSERT INTO #pairs (patient, kernel_a, kernel_b, difference)
    SELECT a.patient, a.kernel, b.kernel, a.probability - b.probability
    FROM #evaluated AS a
    INNER JOIN #evaluated AS b ON b.patient_id = a.patient_id AND b.study_uid = a.study_uid AND b.scan_id <> a.scan_id
    WHERE COALESCE(a.kernel, N'') < COALESCE(b.kernel, N'')
        OR (COALESCE(a.kernel, N'') = COALESCE(b.kernel, N'') AND a.scan_id < b.scan_id);

    BEGIN TRANSACTION;
    IF NOT EXISTS (SELECT 1 FROM dbo.classifiers WITH (UPDLOCK, HOLDLOCK) WHERE classifier_id = @ClassifierId)
    BEGIN
        SET @Message = N'The model was deleted while it was measured. Nothing is stored. Take another one; see dbo.classifiers.';
        THROW 50232, @Message, 1;
    END;
    INSERT INTO dbo.evaluations (classifier_id, dataset_version_id, horizon_days, prevalence, seed, patients, scans, positives, unlabelled,
        left_out, is_forced, overlap, note)
    SELECT @ClassifierId, @DatasetVersionId, @Horizon, @Prevalence, @Seed, COUNT(DISTINCT CASE WHEN label IS NOT NULL THEN patient END),
        COUNT(label), COALESCE(SUM(CAST(label AS INT)), 0), COUNT(*) - COUNT(label), @LeftOut,
        CASE WHEN @Force = 1 AND @Overlap IS NOT NULL THEN 1 ELSE 0 END, @Overlap, @Note
    FROM #evaluated;
    SET @EvaluationId = SCOPE_IDENTITY();
    INSERT INTO dbo.evaluation_scores (evaluation_id, scan_id, patient_id, label, raw, probability, vector_sha256)
    SELECT @EvaluationId, scan_id, patient_id, label, raw, probability, vector_sha256 FROM #evaluated;
    INSERT INTO dbo.evaluation_groups (evaluation_id, group_id, patients, scans, positives)
    SELECT evaluation_id, 0, patients, scans, positives FROM dbo.evaluations WHERE evaluation_id = @EvaluationId;
    INSERT INTO dbo.evaluation_groups (evaluation_id, group_id, column_name, value, patients, scans, positives)
    SELECT @EvaluationId, g.group_id, g.column_name, g.value, COUNT(DISTINCT e.patient), COUNT(*), SUM(CAST(e.label AS INT))
    FROM #groups AS g
    INNER JOIN #grouped AS m ON m.group_id = g.group_id
    INNER JOIN #evaluated AS e ON e.place = m.place
    GROUP BY g.group_id, g.column_name, g.value;
    INSERT INTO dbo.evaluation_groups (evaluation_id, group_id, column_name, values_hidden)
    SELECT @EvaluationId, group_id, column_name, values_hidden FROM #groups WHERE values_hidden IS NOT NULL;
    INSERT INTO dbo.evaluation_metrics (evaluation_id, group_id, source, metric, value, low, high)
    SELECT @EvaluationId, group_id, source, name, y, low, high FROM #figures WHERE kind = 'metric';
    INSERT INTO dbo.evaluation_curves (evaluation_id, source, curve, position, x, y, threshold)
    SELECT @EvaluationId, source, name, position, x, y, threshold FROM #figures WHERE kind = 'curve';
    INSERT INTO dbo.evaluation_pairs (evaluation_id, position, pairs, patients, mean_difference, sd_difference, mean_distance, largest)
    SELECT @EvaluationId, 0, COUNT(*), COUNT(DISTINCT patient), AVG(difference), STDEV(difference), AVG(ABS(difference)),
        MAX(ABS(difference))
    FROM #pairs
    HAVING COUNT(*) > 0;
    INSERT INTO dbo.evaluation_pairs (evaluation_id, position, kernel_a, kernel_b, pairs, patients, mean_difference, sd_difference,
        mean_distance, largest)
    SELECT @EvaluationId, ROW_NUMBER() OVER (ORDER BY kernel_a, kernel_b), kernel_a, kernel_b, COUNT(*), COUNT(DISTINCT patient),
        AVG(difference), STDEV(difference), AVG(ABS(difference)), MAX(ABS(difference))
    FROM #pairs
    GROUP BY kernel_a, kernel_b;
    -- Whoever measures on test patients looks at them, by whatever name the data set goes.
    IF EXISTS (
        SELECT 1
        FROM #evaluated AS e
        INNER JOIN dbo.splits AS sp ON sp.patient_id = e.patient_id AND sp.part = 'test'
        WHERE e.label IS NOT NULL)
        EXECUTE internal.CountLook @ClassifierId, N'EvaluateModel';
    COMMIT TRANSACTION;
END;
