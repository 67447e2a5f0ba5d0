-- MeasureExperiment: computes the figures and curves of a training run from its stored scores; nothing else writes them.
-- Called by TrainLungCancerModel.
CREATE OR ALTER PROCEDURE internal.MeasureExperiment
    @ExperimentId INT -- the run
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @ErrorNumber INT, @ErrorMessage NVARCHAR(2000), @Seed INT, @Details NVARCHAR(MAX);
    DECLARE @Language NVARCHAR(128);
    EXECUTE internal.ReadSettings @Language OUTPUT;
    CREATE TABLE #figures (
        kind VARCHAR(10) NOT NULL, part VARCHAR(10) NOT NULL, name NVARCHAR(64) COLLATE DATABASE_DEFAULT NOT NULL,
        position INT NOT NULL, x FLOAT NULL, y FLOAT NULL, threshold FLOAT NULL);

    SELECT @Seed = e.seed, @Details = c.details
    FROM dbo.experiments AS e
    INNER JOIN dbo.classifiers AS c ON c.classifier_id = e.classifier_id
    WHERE e.experiment_id = @ExperimentId;

    INSERT INTO #figures (kind, part, name, position, x, y, threshold)
    EXECUTE sp_execute_external_script
        @language = @Language,
        @script = N'
def main(scores, seed, details):
    from lungdb.procedures import measure_scores
    return measure_scores(scores, seed, details)

OutputDataSet, ErrorNumber, ErrorMessage = main(InputDataSet, Seed, Details)
',
        @input_data_1 = N'
SELECT s.part, CAST(s.label AS INT) AS label, s.raw, s.probability, CAST(s.out_of_fold AS INT) AS out_of_fold
FROM dbo.experiment_scores AS s
WHERE s.experiment_id = @ExperimentId AND (s.part <> ''test'' OR EXISTS (
    SELECT 1 FROM dbo.test_scores AS t WHERE t.experiment_id = s.experiment_id AND t.patient_id = s.patient_id))
ORDER BY s.patient_id;',
        @params = N'@ExperimentId INT, @Seed INT, @Details NVARCHAR(MAX), @ErrorNumber INT OUTPUT, @ErrorMessage NVARCHAR(2000) OUTPUT',
        @ExperimentId = @ExperimentId, @Seed = @Seed, @Details = @Details,
        @ErrorNumber = @ErrorNumber OUTPUT, @ErrorMessage = @ErrorMessage OUTPUT;
    IF @ErrorNumber <> 0
    BEGIN
        SET @Message = REPLACE(@ErrorMessage, N'%', N'%%');
        THROW @ErrorNumber, @Message, 1;
    END;

    BEGIN TRANSACTION;
    DELETE FROM dbo.experiment_metrics WHERE experiment_id = @ExperimentId;
    DELETE FROM dbo.experiment_curves WHERE experiment_id = @ExperimentId;
    INSERT INTO dbo.experiment_metrics (experiment_id, part, metric, value)
    SELECT @ExperimentId, part, name, y FROM #figures WHERE kind = 'metric';
    INSERT INTO dbo.experiment_curves (experiment_id, part, curve, position, x, y, threshold)
    SELECT @ExperimentId, part, name, position, x, y, threshold FROM #figures WHERE kind = 'curve';
    COMMIT TRANSACTION;
END;
