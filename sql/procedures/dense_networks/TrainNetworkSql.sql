-- TrainNetworkSql: trains a dense network with ReLU units and a softmax on a data set, with no Python.
-- Example: EXECUTE dbo.TrainNetworkSql @Dataset = N'digits', @Hidden = N'32,16', @Iterations = 200, @ModelName = N'digits';
CREATE OR ALTER PROCEDURE dbo.TrainNetworkSql
    @Dataset NVARCHAR(128) = NULL,           -- data set in dbo.examples and dbo.example_labels
    @Hidden NVARCHAR(400) = N'32,16',        -- units of the hidden layers, with commas
    @Iterations INT = 100,                   -- steps of the whole training, those already stored included, 1 to 1000000
    @LearningRate FLOAT = 0.1,               -- size of a step, above 0 and up to 1000
    @L2 FLOAT = 0,                           -- the loss holds half of it times the sum of the squared weights
    @BatchSize INT = NULL,                   -- examples in a step; NULL means all
    @Momentum FLOAT = 0.9,                   -- share of the last step that is taken again, 0 to 0.999
    @Seed INT = 1,                           -- begins the generator of weights and order, 1 to 2147483646
    @ModelName NVARCHAR(128) = N'network_sql', -- name of the network
    @Help BIT = 0                            -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.TrainNetworkSql learns the labels of a data set by gradient descent, every step a few statements over tables.
Weights come from a generator written in T-SQL, so the same call gives the same network on every engine. The examples are
shuffled once; each step takes the next @BatchSize of them. Weights and dbo.training_log are stored about every five seconds
and at the end: stopped at any point, the training goes on from there when called again. A network that has its @Iterations
already is left as it is; give more to go on. ScoreNetworkSql runs it. After 50, 100, 200, ... iterations of a call and at its end, a
training that has not moved from chance, or whose loss rises, says so, also in dbo.run_steps, and goes on.
Parameters:
    @Dataset NVARCHAR(128) = NULL              data set in dbo.examples and dbo.example_labels
    @Hidden NVARCHAR(400) = N''32,16''           units of the hidden layers, with commas
    @Iterations INT = 100                      steps of the whole training, those already stored included, 1 to 1000000
    @LearningRate FLOAT = 0.1                  size of a step, above 0 and up to 1000
    @L2 FLOAT = 0                              the loss holds half of it times the sum of the squared weights
    @BatchSize INT = NULL                      examples in a step; NULL means all
    @Momentum FLOAT = 0.9                      share of the last step that is taken again, 0 to 0.999
    @Seed INT = 1                              begins the generator of weights and order, 1 to 2147483646
    @ModelName NVARCHAR(128) = N''network_sql''  name of the network
    @Help BIT = 0                              1 prints this help and does nothing else
Example:
    EXECUTE dbo.TrainNetworkSql @Dataset = N''digits'', @Hidden = N''32,16'', @Iterations = 200, @ModelName = N''digits'';';
        RETURN 0;
    END;

    EXECUTE internal.CheckNetworkArguments @Hidden, @Iterations, @LearningRate, @L2, @BatchSize, @Momentum, @Seed, @ModelName;

    DECLARE @Message NVARCHAR(2000), @Iteration INT, @Examples INT, @First INT, @Fill BIT, @Loss FLOAT, @LossText NVARCHAR(30);
    DECLARE @Stored DATETIME2(3) = SYSUTCDATETIME(), @Number INT, @Error INT, @RunId INT, @Turns INT = 0, @Judged INT = 50,
        @Composed NVARCHAR(MAX);
    CREATE TABLE #layers (layer INT NOT NULL PRIMARY KEY, inputs INT NOT NULL, units INT NOT NULL,
        activation NVARCHAR(16) COLLATE DATABASE_DEFAULT NOT NULL);
    CREATE TABLE #weights (layer INT NOT NULL, input INT NOT NULL, unit INT NOT NULL, value FLOAT NOT NULL, velocity FLOAT NOT NULL,
        PRIMARY KEY (layer, input, unit));
    CREATE TABLE #gradients (layer INT NOT NULL, input INT NOT NULL, unit INT NOT NULL, value FLOAT NOT NULL,
        PRIMARY KEY (layer, input, unit));
    CREATE TABLE #data (example INT NOT NULL, unit INT NOT NULL, value FLOAT NOT NULL, PRIMARY KEY (example, unit));
    CREATE TABLE #targets (example INT NOT NULL PRIMARY KEY, label INT NOT NULL);
    CREATE TABLE #activations (layer INT NOT NULL, example INT NOT NULL, unit INT NOT NULL, value FLOAT NOT NULL,
        PRIMARY KEY (layer, example, unit));
    CREATE TABLE #deltas (layer INT NOT NULL, example INT NOT NULL, unit INT NOT NULL, value FLOAT NOT NULL,
        PRIMARY KEY (layer, example, unit));
    CREATE TABLE #probabilities (example INT NOT NULL, label INT NOT NULL, value FLOAT NOT NULL, loss FLOAT NOT NULL,
        PRIMARY KEY (example, label));
    CREATE TABLE #inputs (layer INT NOT NULL, example INT NOT NULL, label INT NULL, PRIMARY KEY (layer, example));
    CREATE TABLE #odd (layer INT NOT NULL, example INT NOT NULL, label INT NULL, logarithm FLOAT NULL, PRIMARY KEY (layer, example));
    CREATE TABLE #even (layer INT NOT NULL, example INT NOT NULL, label INT NULL, logarithm FLOAT NULL, PRIMARY KEY (layer, example));
    CREATE TABLE #odd_slopes (layer INT NOT NULL, example INT NOT NULL, PRIMARY KEY (layer, example));
    CREATE TABLE #even_slopes (layer INT NOT NULL, example INT NOT NULL, PRIMARY KEY (layer, example));
    CREATE TABLE #batch (iteration INT NOT NULL, fill BIT NOT NULL, first_example INT NOT NULL, batch_size INT NOT NULL,
        examples INT NOT NULL);
    CREATE TABLE #log (iteration INT NOT NULL PRIMARY KEY, examples INT NOT NULL, loss FLOAT NOT NULL);
    CREATE TABLE #losses (iteration INT NOT NULL PRIMARY KEY, cross_entropy FLOAT NOT NULL, loss FLOAT NULL);

    EXECUTE internal.StartNetwork @ModelName, @Dataset, @Hidden, @Seed, @Iteration OUTPUT;
    EXECUTE internal.ComposeStep @Composed OUTPUT;
    SET @Examples = (SELECT COUNT(*) FROM #targets);
    IF @BatchSize IS NULL OR @BatchSize > @Examples
        SET @BatchSize = @Examples;
    SET @Message = CONCAT(@ModelName, N': ', @Examples, N' examples, iterations ', @Iteration, N' to ', @Iterations, N'.');
    DECLARE @Arguments NVARCHAR(4000) = JSON_MODIFY(JSON_MODIFY(JSON_MODIFY(JSON_MODIFY(JSON_MODIFY(JSON_MODIFY(N'{}', N'$.network',
        @ModelName), N'$.dataset', @Dataset), N'$.hidden', @Hidden), N'$.iterations', @Iterations), N'$.learning_rate', @LearningRate),
        N'$.seed', @Seed);
    EXECUTE internal.StartRun N'TrainNetworkSql', @RunId OUTPUT, @Arguments;
    EXECUTE internal.ReportStep @RunId, @Message, @Iteration, @Iterations;

    BEGIN TRY
        WHILE @Iteration < @Iterations
        BEGIN
            SET @First = CAST(@Iteration AS BIGINT) * @BatchSize % @Examples;
            SET @Fill = CASE WHEN @BatchSize < @Examples OR @Turns = 0 THEN 1 ELSE 0 END;
            SET @Number = @Iteration + 1;
            EXECUTE internal.TakeStep @Composed, @Number, @Fill, @First, @BatchSize, @Examples;
            SET @Loss = (SELECT cross_entropy FROM #losses WHERE iteration = @Number);
            SET @Loss = @Loss + @L2 / 2 * (SELECT SUM(value * value) FROM #weights WHERE input >= 0);
            EXECUTE internal.UpdateWeights @LearningRate, @L2, @Momentum;

            SET @Iteration = @Iteration + 1;
            INSERT INTO #log (iteration, examples, loss) VALUES (@Iteration, @BatchSize, @Loss);
            IF @Iteration = @Iterations OR DATEDIFF_BIG(MILLISECOND, @Stored, SYSUTCDATETIME()) >= 5000
            BEGIN
                EXECUTE internal.StoreNetwork @ModelName, @Dataset, @LearningRate;
                SET @Stored = SYSUTCDATETIME();
                SET @LossText = CAST(@Loss AS NVARCHAR(30));
                SET @Message = CONCAT(N'Iteration ', @Iteration, N' of ', @Iterations, N': loss ', @LossText, N'.');
                EXECUTE internal.ReportStep @RunId, @Message, @Iteration, @Iterations;
            END;
            UPDATE #losses SET loss = @Loss WHERE iteration = @Iteration;
            SET @Turns = @Turns + 1;
            IF @Turns = @Judged OR (@Iteration = @Iterations AND @Turns >= 50)
            BEGIN
                EXECUTE internal.JudgeTraining @RunId, @Iteration;
                SET @Judged = 2 * @Judged;
            END;
        END;
    END TRY
    BEGIN CATCH
        IF @@TRANCOUNT > 0
            ROLLBACK TRANSACTION;
        SELECT @Error = ERROR_NUMBER(), @Message = ERROR_MESSAGE();
        -- 8115 and 232 are overflow, 3623 an EXP, SQRT or LOG that has no value.
        IF @Error IN (232, 3623, 8115)
            SET @Message = CONCAT(N'The numbers grew too large in iteration ', @Number, N'. Lower @LearningRate (it is ',
                @LearningRate, N') or @Momentum, or scale the features; what was stored before is kept.');
        EXECUTE internal.EndRun @RunId, 0, @Message;
        IF @Error IN (232, 3623, 8115)
            THROW 50176, @Message, 1;
        THROW;
    END CATCH;
    EXECUTE internal.EndRun @RunId;
END;
