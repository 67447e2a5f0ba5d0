-- ScoreNetworkSql: gives the class probabilities of every example of a data set by a dense network, with no Python.
-- Example: EXECUTE dbo.ScoreNetworkSql @ModelName = N'digits', @Dataset = N'digits_test';
CREATE OR ALTER PROCEDURE dbo.ScoreNetworkSql
    @ModelName NVARCHAR(128) = NULL, -- network in dbo.tensors
    @Dataset NVARCHAR(128) = NULL,   -- data set in dbo.examples
    @Help BIT = 0                    -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.ScoreNetworkSql runs a dense network over every example of a data set and returns the rows
example_id, label, probability: one for each example and class. INSERT … EXECUTE keeps them.
lungdb load-tensors loads a network, TrainNetworkSql trains one. Each number is computed by joins and sums.
Parameters:
    @ModelName NVARCHAR(128) = NULL  network in dbo.tensors
    @Dataset NVARCHAR(128) = NULL    data set in dbo.examples
    @Help BIT = 0                    1 prints this help and does nothing else
Example:
    EXECUTE dbo.ScoreNetworkSql @ModelName = N''digits'', @Dataset = N''digits_test'';';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000), @Inputs INT;
    CREATE TABLE #layers (layer INT NOT NULL PRIMARY KEY, inputs INT NOT NULL, units INT NOT NULL,
        activation NVARCHAR(16) COLLATE DATABASE_DEFAULT NOT NULL);
    CREATE TABLE #weights (layer INT NOT NULL, input INT NOT NULL, unit INT NOT NULL, value FLOAT NOT NULL, velocity FLOAT NOT NULL,
        PRIMARY KEY (layer, input, unit));
    CREATE TABLE #activations (layer INT NOT NULL, example INT NOT NULL, unit INT NOT NULL, value FLOAT NOT NULL,
        PRIMARY KEY (layer, example, unit));
    CREATE TABLE #probabilities (example INT NOT NULL, label INT NOT NULL, value FLOAT NOT NULL, loss FLOAT NOT NULL,
        PRIMARY KEY (example, label));

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
            N'''. Scale the features to about -1 to 1, as those that it learned from.'), N'%', N'%%');
        THROW 50176, @Message, 1;
    END CATCH;

    SELECT example AS example_id, label, value AS probability
    FROM #probabilities
    ORDER BY example, label;
END;
