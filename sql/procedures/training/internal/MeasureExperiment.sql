-- MeasureExperiment: computes the figures and curves of a training run from the scores of its patients, before anything is stored.
-- Called by TrainModel and CreateEnsemble, whose tables #patients and #result it reads, and whose table #figures it fills.
CREATE OR ALTER PROCEDURE internal.MeasureExperiment
    @RunId INT,             -- row of dbo.runs
    @Seed INT,              -- seed of the run
    @Details NVARCHAR(MAX)  -- what the model was trained with, JSON
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @ErrorNumber INT, @ErrorMessage NVARCHAR(2000);
    DECLARE @Language NVARCHAR(128);
    EXECUTE internal.ReadSettings @Language OUTPUT;

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
SELECT t.patient_id, r.part, COALESCE(CAST(t.label AS INT), -1) AS label, t.target, r.raw, r.probability, r.out_of_fold
FROM #result AS r
INNER JOIN #patients AS t ON t.place = r.place
ORDER BY t.patient_id, t.scan_id;',
        @params = N'@Seed INT, @Details NVARCHAR(MAX), @ErrorNumber INT OUTPUT, @ErrorMessage NVARCHAR(2000) OUTPUT',
        @Seed = @Seed, @Details = @Details,
        @ErrorNumber = @ErrorNumber OUTPUT, @ErrorMessage = @ErrorMessage OUTPUT;
    IF @ErrorNumber <> 0
        EXECUTE internal.EndRun @RunId, 0, @ErrorMessage;
    IF @ErrorNumber <> 0
    BEGIN
        SET @Message = REPLACE(@ErrorMessage, N'%', N'%%');
        THROW @ErrorNumber, @Message, 1;
    END;
END;
