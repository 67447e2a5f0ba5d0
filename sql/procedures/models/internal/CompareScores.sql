-- CompareScores: a figure of two models on the test patients that both have scored, and an interval of its difference.
-- Called by CompareModels and CompareFigures.
CREATE OR ALTER PROCEDURE internal.CompareScores
    @ClassifierA INT,        -- a model
    @ClassifierB INT,        -- another
    @Metric NVARCHAR(64),    -- auc, average_precision, log_loss or brier
    @Patients INT OUTPUT,    -- common test patients, those whose label was changed between the two runs left out
    @ValueA FLOAT OUTPUT,    -- the first model's figure, NULL where it is not defined
    @ValueB FLOAT OUTPUT,    -- the second model's
    @Difference FLOAT OUTPUT, -- the first minus the second
    @Low FLOAT OUTPUT,       -- lower end of the difference's 95 % interval, by paired bootstrap
    @High FLOAT OUTPUT       -- upper end
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @ErrorNumber INT, @ErrorMessage NVARCHAR(2000), @Seed INT = 20170401, @Resamples INT = 2000;
    DECLARE @Language NVARCHAR(128);
    EXECUTE internal.ReadSettings @Language OUTPUT;

    -- The query of an external script runs with the caller's rights, and nobody needs rights on tables to call this.
    CREATE TABLE #pairs (
        patient_id NVARCHAR(64) COLLATE DATABASE_DEFAULT NOT NULL, label INT NOT NULL, a FLOAT NOT NULL, b FLOAT NOT NULL);
    EXECUTE internal.MeasurePairs @ClassifierA, @ClassifierB, @Metric, 1, @Patients OUTPUT, @ValueA OUTPUT, @ValueB OUTPUT;
    SELECT @Metric = LOWER(@Metric), @Difference = @ValueA - @ValueB, @Low = NULL, @High = NULL;
    IF @Difference IS NULL
        RETURN 0;

    EXECUTE sp_execute_external_script
        @language = @Language,
        @script = N'
def main(scores, metric, seed, resamples):
    from lungdb.procedures import compare_scores
    return compare_scores(scores, metric, seed, resamples)

Low, High, ErrorNumber, ErrorMessage = main(InputDataSet, Metric, Seed, Resamples)
',
        @input_data_1 = N'SELECT label, a, b, DENSE_RANK() OVER (ORDER BY patient_id) AS patient FROM #pairs ORDER BY patient_id, a, b;',
        @params = N'@Metric NVARCHAR(64), @Seed INT, @Resamples INT, @Low FLOAT OUTPUT, @High FLOAT OUTPUT,
            @ErrorNumber INT OUTPUT, @ErrorMessage NVARCHAR(2000) OUTPUT',
        @Metric = @Metric, @Seed = @Seed, @Resamples = @Resamples,
        @Low = @Low OUTPUT, @High = @High OUTPUT, @ErrorNumber = @ErrorNumber OUTPUT, @ErrorMessage = @ErrorMessage OUTPUT;
    IF @ErrorNumber <> 0
    BEGIN
        SET @Message = REPLACE(@ErrorMessage, N'%', N'%%');
        THROW @ErrorNumber, @Message, 1;
    END;
END;
