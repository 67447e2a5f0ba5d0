-- ScoreNetworkSql: gives the class probabilities of every example of a data set by a dense network, with no Python.
-- Example: EXECUTE dbo.ScoreNetworkSql @ModelName = N'digits', @Dataset = N'digits_test';
CREATE OR ALTER PROCEDURE dbo.ScoreNetworkSql
    @ModelName NVARCHAR(128) = NULL, -- network in dbo.tensors
    @Dataset NVARCHAR(128) = NULL,   -- data set in dbo.examples
    @Keep BIT = 0,                   -- 1 stores the probabilities too, for dbo.network_scores
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
    @Keep BIT = 0                    1 stores the probabilities too, for dbo.network_scores
    @Help BIT = 0                    1 prints this help and does nothing else
Example:
    EXECUTE dbo.ScoreNetworkSql @ModelName = N''digits'', @Dataset = N''digits_test'';';
        RETURN 0;
    END;

    IF @Keep IS NULL
        THROW 50101, N'The value NULL for the parameter @Keep is not supported. Supported values are 0 and 1.', 1;
    CREATE TABLE #layers (layer INT NOT NULL PRIMARY KEY, inputs INT NOT NULL, units INT NOT NULL,
        activation NVARCHAR(16) COLLATE DATABASE_DEFAULT NOT NULL);
    CREATE TABLE #weights (layer INT NOT NULL, input INT NOT NULL, unit INT NOT NULL, value FLOAT NOT NULL, velocity FLOAT NOT NULL,
        PRIMARY KEY (layer, input, unit));
    CREATE TABLE #activations (layer INT NOT NULL, example INT NOT NULL, unit INT NOT NULL, value FLOAT NOT NULL,
        PRIMARY KEY (layer, example, unit));
    CREATE TABLE #probabilities (example INT NOT NULL, label INT NOT NULL, value FLOAT NOT NULL, loss FLOAT NOT NULL,
        PRIMARY KEY (example, label));

    DECLARE @RunId INT;
    EXECUTE internal.RunExamples @ModelName, @Dataset, @Keep, N'ScoreNetworkSql', @RunId OUTPUT;
    EXECUTE internal.EndRun @RunId;
    SELECT example AS example_id, label, value AS probability
    FROM #probabilities
    ORDER BY example, label;
END;
