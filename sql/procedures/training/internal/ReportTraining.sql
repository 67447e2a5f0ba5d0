-- ReportTraining: says how many patients a model has learnt from, how good it is on those held out, and which version is served.
-- Called by TrainModel and CreateEnsemble, whose tables #patients and #result it reads.
CREATE OR ALTER PROCEDURE internal.ReportTraining
    @RunId INT,                 -- row of dbo.runs
    @ModelName NVARCHAR(128),   -- name of the model
    @Version INT,               -- its version
    @ExperimentId INT,          -- row of dbo.experiments
    @Details NVARCHAR(MAX)      -- what it was trained with, JSON; its notes are told
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Said NVARCHAR(2000), @ClassifierId INT;
    SELECT @Said = CONCAT(@ModelName, N' version ', @Version, N' is trained on ',
        COUNT(DISTINCT CASE r.part WHEN 'train' THEN t.patient_id END), N' patients',
        N' (' + CAST(NULLIF(COUNT(DISTINCT CASE r.part WHEN 'validation' THEN t.patient_id END), 0) AS NVARCHAR(12))
            + N' more to stop early)',
        N' and stored. On the ', COUNT(DISTINCT CASE r.part WHEN 'test' THEN t.patient_id END), N' test patients: ')
    FROM #result AS r
    INNER JOIN #patients AS t ON t.place = r.place;
    SET @Said = CONCAT(@Said, (
        SELECT STRING_AGG(CONCAT(f.name, COALESCE(IIF(f.position > 6, CAST(m.value AS NVARCHAR(30)), LTRIM(STR(m.value, 10, 3))),
            N'not defined')), N'') WITHIN GROUP (ORDER BY f.position)
        FROM (VALUES (1, N'auc', N'AUC '), (2, N'auc_low', N' (95 % interval '), (3, N'auc_high', N' to '),
            (4, N'log_loss', N'), log loss '), (5, N'log_loss_constant', N' (constant prediction '),
            (6, N'brier', N'), Brier score '),
            -- Those of a regression, which has none of the others.
            (7, N'rmse', N'RMSE '), (8, N'rmse_low', N' (95 % interval '), (9, N'rmse_high', N' to '),
            (10, N'rmse_constant', N'), of the mean '), (11, N'mae', N', MAE '), (12, N'r2', N', R2 '),
            (13, N'spearman', N', Spearman ')) AS f (position, metric, name)
        INNER JOIN dbo.experiment_metrics AS m ON m.metric = f.metric
        WHERE m.experiment_id = @ExperimentId AND m.part = 'test'), N'.');
    EXECUTE internal.ReportStep @RunId, @Said, 3, 3;
    SET @Said = (SELECT STRING_AGG(value, N' ') FROM OPENJSON(@Details, N'$.notes'));
    IF @Said IS NOT NULL
        EXECUTE internal.ReportStep @RunId, @Said;
    SET @ClassifierId = (SELECT classifier_id FROM dbo.experiments WHERE experiment_id = @ExperimentId);
    EXECUTE internal.SayServed @ClassifierId, @RunId;
END;
