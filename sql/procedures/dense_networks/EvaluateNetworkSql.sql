-- EvaluateNetworkSql: measures a dense network on the labelled examples of a data set, class by class, with no Python.
-- Example: EXECUTE dbo.EvaluateNetworkSql @ModelName = N'digits', @Dataset = N'digits_test';
CREATE OR ALTER PROCEDURE dbo.EvaluateNetworkSql
    @ModelName NVARCHAR(128) = NULL, -- network in dbo.tensors
    @Dataset NVARCHAR(128) = NULL,   -- data set in dbo.examples and dbo.example_labels
    @Help BIT = 0                    -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.EvaluateNetworkSql runs a dense network over the examples of a data set and compares the likeliest class with the label.
It returns the confusion matrix, a row label, predicted, examples, percentage for each pair of the network''s classes, the percentage
being of the examples of the class; then rows label, metric, value: examples, told, right, precision, recall and f1 of each class, and
with label -1 examples, accuracy, macro_f1 and log_loss. What is not defined is NULL. The probabilities are kept: see dbo.network_scores.
Parameters:
    @ModelName NVARCHAR(128) = NULL  network in dbo.tensors
    @Dataset NVARCHAR(128) = NULL    data set in dbo.examples and dbo.example_labels
    @Help BIT = 0                    1 prints this help and does nothing else
Example:
    EXECUTE dbo.EvaluateNetworkSql @ModelName = N''digits'', @Dataset = N''digits_test'';';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000), @Classes INT, @Example INT, @Label INT, @Unlabelled INT, @RunId INT;
    CREATE TABLE #layers (layer INT NOT NULL PRIMARY KEY, inputs INT NOT NULL, units INT NOT NULL,
        activation NVARCHAR(16) COLLATE DATABASE_DEFAULT NOT NULL);
    CREATE TABLE #weights (layer INT NOT NULL, input INT NOT NULL, unit INT NOT NULL, value FLOAT NOT NULL, velocity FLOAT NOT NULL,
        PRIMARY KEY (layer, input, unit));
    CREATE TABLE #activations (layer INT NOT NULL, example INT NOT NULL, unit INT NOT NULL, value FLOAT NOT NULL,
        PRIMARY KEY (layer, example, unit));
    CREATE TABLE #probabilities (example INT NOT NULL, label INT NOT NULL, value FLOAT NOT NULL, loss FLOAT NOT NULL,
        PRIMARY KEY (example, label));
    CREATE TABLE #classes (label INT NOT NULL PRIMARY KEY);
    CREATE TABLE #true (part VARCHAR(10) COLLATE DATABASE_DEFAULT NOT NULL, example INT NOT NULL, label INT NOT NULL,
        PRIMARY KEY (part, example, label));
    CREATE TABLE #scored (part VARCHAR(10) COLLATE DATABASE_DEFAULT NOT NULL, example INT NOT NULL, label INT NOT NULL,
        value FLOAT NOT NULL, PRIMARY KEY (part, example, label));
    CREATE TABLE #confusion (
        part VARCHAR(10) COLLATE DATABASE_DEFAULT NOT NULL, label INT NOT NULL, predicted INT NOT NULL, examples INT NOT NULL,
        percentage FLOAT NULL);
    CREATE TABLE #measures (part VARCHAR(10) COLLATE DATABASE_DEFAULT NOT NULL, label INT NOT NULL,
        metric NVARCHAR(64) COLLATE DATABASE_DEFAULT NOT NULL, value FLOAT NULL);

    SET @Classes = (
        SELECT TOP (1) CASE WHEN units = 1 THEN 2 ELSE units END FROM dbo.dense_layers WHERE network = @ModelName ORDER BY layer DESC);
    SELECT TOP (1) @Example = y.example_id, @Label = y.label
    FROM dbo.example_labels AS y
    WHERE y.dataset = @Dataset AND (y.label < 0 OR y.label >= @Classes)
        AND y.example_id IN (SELECT e.example_id FROM dbo.examples AS e WHERE e.dataset = @Dataset)
    ORDER BY y.example_id;
    IF @Example IS NOT NULL
        SET @Message = CONCAT(N'Example ', @Example, N' of the data set ''', @Dataset, N''' has the label ', @Label,
            N', and the network tells classes from 0 to ', @Classes - 1, N'. Correct dbo.example_labels, or take another network.');
    ELSE IF @Classes IS NOT NULL AND EXISTS (SELECT 1 FROM dbo.examples WHERE dataset = @Dataset) AND NOT EXISTS (
        SELECT 1 FROM dbo.example_labels AS y INNER JOIN dbo.examples AS e ON e.dataset = y.dataset AND e.example_id = y.example_id
        WHERE y.dataset = @Dataset)
        SET @Message = CONCAT(N'No example of the data set ''', @Dataset, N''' has a label. Insert their classes into dbo.example_labels.');
    IF @Message IS NOT NULL
    BEGIN
        SET @Message = REPLACE(@Message, N'%', N'%%');
        THROW 50175, @Message, 1;
    END;

    EXECUTE internal.RunExamples @ModelName, @Dataset, 1, N'EvaluateNetworkSql', @RunId OUTPUT;
    INSERT INTO #classes (label)
    SELECT DISTINCT label FROM #probabilities;
    INSERT INTO #true (part, example, label)
    SELECT 'all', y.example_id, y.label
    FROM dbo.example_labels AS y
    WHERE y.dataset = @Dataset AND y.example_id IN (SELECT example FROM #probabilities);
    INSERT INTO #scored (part, example, label, value)
    SELECT 'all', example, label, value FROM #probabilities WHERE example IN (SELECT example FROM #true);
    EXECUTE internal.MeasureClasses 1;
    INSERT INTO #measures (part, label, metric, value)
    SELECT 'all', -1, N'log_loss', AVG(p.loss)
    FROM #true AS t
    INNER JOIN #probabilities AS p ON p.example = t.example AND p.label = t.label;
    SET @Unlabelled = (SELECT COUNT(DISTINCT example) FROM #probabilities WHERE example NOT IN (SELECT example FROM #true));
    IF @Unlabelled > 0
        RAISERROR(N'%d examples without a label are not measured.', 0, 1, @Unlabelled) WITH NOWAIT;
    EXECUTE internal.EndRun @RunId;

    SELECT label, predicted, examples, percentage FROM #confusion ORDER BY label, predicted;
    SELECT label, metric, value FROM #measures ORDER BY label, metric;
END;
