-- RunExamples: fills #probabilities with what a network gives for every example of a data set.
-- Called by ScoreNetworkSql and EvaluateNetworkSql, whose tables #layers, #weights, #activations and #probabilities it fills.
CREATE OR ALTER PROCEDURE internal.RunExamples
    @ModelName NVARCHAR(128), -- network in dbo.tensors
    @Dataset NVARCHAR(128),   -- data set in dbo.examples
    @Keep BIT,                -- 1 stores the probabilities in dbo.network_probabilities too
    @Caller NVARCHAR(128),    -- whose run it is
    @RunId INT OUTPUT         -- row of dbo.runs, which goes on when this ends
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Inputs INT, @Error INT, @Arguments NVARCHAR(4000);
    EXECUTE internal.ReadNetwork @ModelName;
    SET @Inputs = (SELECT inputs FROM #layers WHERE layer = 0);
    IF @Inputs IS NULL
    BEGIN
        SET @Message = REPLACE(CONCAT(N'There is no network ', COALESCE(N'''' + @ModelName + N'''', N'NULL'),
            N' in dbo.dense_layers. Load one with lungdb load-tensors, or train one with TrainNetworkSql.'), N'%', N'%%');
        THROW 50170, @Message, 1;
    END;
    EXECUTE internal.CheckDataset @Dataset, @Inputs OUTPUT;

    SET @Arguments = JSON_MODIFY(JSON_MODIFY(N'{}', N'$.network', @ModelName), N'$.dataset', @Dataset);
    EXECUTE internal.StartRun @Caller, @RunId OUTPUT, @Arguments;
    BEGIN TRY
        INSERT INTO #activations (layer, example, unit, value)
        SELECT 0, example_id, feature_index, value FROM dbo.examples WHERE dataset = @Dataset AND value <> 0
        UNION ALL
        SELECT DISTINCT 0, example_id, -1, 1 FROM dbo.examples WHERE dataset = @Dataset;
        EXECUTE internal.ForwardLayers;
        EXECUTE internal.FillProbabilities;
        IF @Keep = 1
        BEGIN
            BEGIN TRANSACTION;
            DELETE FROM dbo.network_probabilities WHERE network = @ModelName AND dataset = @Dataset;
            INSERT INTO dbo.network_probabilities (network, dataset, example_id, label, probability)
            SELECT @ModelName, @Dataset, example, label, value FROM #probabilities;
            COMMIT TRANSACTION;
        END;
    END TRY
    BEGIN CATCH
        IF @@TRANCOUNT > 0
            ROLLBACK TRANSACTION;
        SELECT @Error = ERROR_NUMBER(), @Message = ERROR_MESSAGE();
        -- 8115 and 232 are overflow, 3623 an EXP that has no value.
        IF @Error IN (232, 3623, 8115)
            SET @Message = REPLACE(CONCAT(N'The numbers of the network ''', @ModelName, N''' grow too large over the data set ''', @Dataset,
                N'''. Scale the features to about -1 to 1, as those that it learned from: see ScaleDataset.'), N'%', N'%%');
        EXECUTE internal.EndRun @RunId, 0, @Message;
        IF @Error IN (232, 3623, 8115)
            THROW 50176, @Message, 1;
        THROW;
    END CATCH;
END;
