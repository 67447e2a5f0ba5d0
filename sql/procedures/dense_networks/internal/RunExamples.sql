-- RunExamples: fills #probabilities with what a network gives for every example of a data set.
-- Called by ScoreNetworkSql and EvaluateNetworkSql, whose tables #layers, #weights, #activations and #probabilities it fills.
CREATE OR ALTER PROCEDURE internal.RunExamples
    @ModelName NVARCHAR(128), -- network in dbo.tensors
    @Dataset NVARCHAR(128),   -- data set in dbo.examples
    @Keep BIT                 -- 1 stores the probabilities in dbo.network_probabilities too
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Inputs INT;
    EXECUTE internal.ReadNetwork @ModelName;
    SET @Inputs = (SELECT inputs FROM #layers WHERE layer = 0);
    IF @Inputs IS NULL
    BEGIN
        SET @Message = REPLACE(CONCAT(N'There is no network ', COALESCE(N'''' + @ModelName + N'''', N'NULL'),
            N' in dbo.dense_layers. Load one with lungdb load-tensors, or train one with TrainNetworkSql.'), N'%', N'%%');
        THROW 50170, @Message, 1;
    END;
    EXECUTE internal.CheckDataset @Dataset, @Inputs OUTPUT;

    INSERT INTO #activations (layer, example, unit, value)
    SELECT 0, example_id, feature_index, value FROM dbo.examples WHERE dataset = @Dataset AND value <> 0
    UNION ALL
    SELECT DISTINCT 0, example_id, -1, 1 FROM dbo.examples WHERE dataset = @Dataset;
    BEGIN TRY
        EXECUTE internal.ForwardLayers;
        EXECUTE internal.FillProbabilities;
    END TRY
    BEGIN CATCH
        -- 8115 and 232 are overflow, 3623 an EXP that has no value.
        IF ERROR_NUMBER() NOT IN (232, 3623, 8115)
            THROW;
        SET @Message = REPLACE(CONCAT(N'The numbers of the network ''', @ModelName, N''' grow too large over the data set ''', @Dataset,
            N'''. Scale the features to about -1 to 1, as those that it learned from: see ScaleDataset.'), N'%', N'%%');
        THROW 50176, @Message, 1;
    END CATCH;

    IF @Keep = 1
    BEGIN
        BEGIN TRANSACTION;
        DELETE FROM dbo.network_probabilities WHERE network = @ModelName AND dataset = @Dataset;
        INSERT INTO dbo.network_probabilities (network, dataset, example_id, label, probability)
        SELECT @ModelName, @Dataset, example, label, value FROM #probabilities;
        COMMIT TRANSACTION;
    END;
END;
