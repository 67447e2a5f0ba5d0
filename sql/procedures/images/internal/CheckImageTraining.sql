-- CheckImageTraining: refuses what TrainImageClassifier cannot work with, all wrong arguments in one error; gives the others as JSON.
-- Called by TrainImageClassifier.
CREATE OR ALTER PROCEDURE internal.CheckImageTraining
    @ModelName NVARCHAR(128),   -- not NULL and not empty
    @Algorithm NVARCHAR(32),    -- logistic or lightgbm
    @Pooling NVARCHAR(32),      -- not NULL; the script knows the names
    @Folds INT,                 -- 2 to 20
    @Seed INT,                  -- 0 to 2147483647
    @Undersample BIT,           -- 0 or 1
    @L2 FLOAT,                  -- 0.000001 to 1000000, or NULL
    @LearningRate FLOAT,        -- 0.001 to 1, or NULL
    @NumLeaves INT,             -- 2 to 1024, or NULL
    @MinDataInLeaf INT,         -- 1 to 10000, or NULL
    @MaxIterations INT,         -- 1 to 10000, or NULL
    @SkipMissing BIT,           -- 0 or 1
    @Parameters NVARCHAR(MAX) OUTPUT -- a JSON object without its last brace
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000) = N'';
    IF @@TRANCOUNT > 0
    BEGIN
        SET @Message = CONCAT(N'TrainImageClassifier was called inside a transaction. ',
            N'It reports how far it is as it goes: commit or roll back first, then call it again.');
        THROW 50100, @Message, 1;
    END;

    IF @ModelName IS NULL OR @ModelName = N''
        SET @Message = N'The parameter @ModelName is NULL or empty. Give the model a name, such as image_classes. ';
    SELECT @Message = CONCAT(@Message, STRING_AGG(CONCAT(N'The value ', COALESCE(N'''' + a.given + N'''', N'NULL'),
        N' for the parameter ', a.name, N' is not supported. Supported values are ', a.supported, N'. '), N''))
    FROM (
        VALUES
            (N'@Algorithm', @Algorithm, N'logistic and lightgbm', IIF(@Algorithm IN (N'logistic', N'lightgbm'), 1, 0)),
            (N'@Pooling', @Pooling, N'none, and those of GenerateFeatures', IIF(@Pooling IS NOT NULL, 1, 0)),
            (N'@Folds', CAST(@Folds AS NVARCHAR(30)), N'2 to 20', IIF(@Folds BETWEEN 2 AND 20, 1, 0)),
            (N'@Seed', CAST(@Seed AS NVARCHAR(30)), N'0 to 2147483647', IIF(@Seed >= 0, 1, 0)),
            (N'@Undersample', CAST(@Undersample AS NVARCHAR(30)), N'0 and 1', IIF(@Undersample IS NOT NULL, 1, 0)),
            (N'@L2', CAST(@L2 AS NVARCHAR(30)), N'NULL and 0.000001 to 1000000', IIF(@L2 NOT BETWEEN 0.000001 AND 1000000, 0, 1)),
            (N'@LearningRate', CAST(@LearningRate AS NVARCHAR(30)), N'NULL and 0.001 to 1',
                IIF(@LearningRate IS NULL OR @LearningRate BETWEEN 0.001 AND 1, 1, 0)),
            (N'@NumLeaves', CAST(@NumLeaves AS NVARCHAR(30)), N'NULL and 2 to 1024',
                IIF(@NumLeaves IS NULL OR @NumLeaves BETWEEN 2 AND 1024, 1, 0)),
            (N'@MinDataInLeaf', CAST(@MinDataInLeaf AS NVARCHAR(30)), N'NULL and 1 to 10000',
                IIF(@MinDataInLeaf IS NULL OR @MinDataInLeaf BETWEEN 1 AND 10000, 1, 0)),
            (N'@MaxIterations', CAST(@MaxIterations AS NVARCHAR(30)), N'NULL and 1 to 10000',
                IIF(@MaxIterations IS NULL OR @MaxIterations BETWEEN 1 AND 10000, 1, 0)),
            (N'@SkipMissing', CAST(@SkipMissing AS NVARCHAR(30)), N'0 and 1', IIF(@SkipMissing IS NOT NULL, 1, 0))
    ) AS a (name, given, supported, is_supported)
    WHERE a.is_supported = 0;
    SELECT @Message = CONCAT(@Message, STRING_AGG(CONCAT(N'The parameter ', a.name, N' = ', a.given,
        N' has no meaning with @Algorithm = N''', @Algorithm, N'''. Leave it out. '), N''))
    FROM (
        VALUES
            (N'lightgbm', N'@L2', CAST(@L2 AS NVARCHAR(30))),
            (N'logistic', N'@LearningRate', CAST(@LearningRate AS NVARCHAR(30))),
            (N'logistic', N'@NumLeaves', CAST(@NumLeaves AS NVARCHAR(30))),
            (N'logistic', N'@MinDataInLeaf', CAST(@MinDataInLeaf AS NVARCHAR(30))),
            (N'logistic', N'@MaxIterations', CAST(@MaxIterations AS NVARCHAR(30)))
    ) AS a (algorithm, name, given)
    WHERE a.algorithm = @Algorithm AND a.given IS NOT NULL;
    IF @Message <> N''
    BEGIN
        SET @Message = REPLACE(LEFT(@Message, 1900), N'%', N'%%');
        THROW 50101, @Message, 1;
    END;

    -- Style 3 keeps every digit of a FLOAT, where CAST keeps six.
    SET @Parameters = CONCAT(N'{"algorithm": "', LOWER(@Algorithm), N'", "folds": ', @Folds, N', "seed": ', @Seed,
        N', "undersample": ', IIF(@Undersample = 1, N'true', N'false'),
        N', "l2": ' + CONVERT(NVARCHAR(40), @L2, 3), N', "learning_rate": ' + CONVERT(NVARCHAR(40), @LearningRate, 3),
        N', "num_leaves": ' + CAST(@NumLeaves AS NVARCHAR(30)), N', "min_data_in_leaf": ' + CAST(@MinDataInLeaf AS NVARCHAR(30)),
        N', "max_iterations": ' + CAST(@MaxIterations AS NVARCHAR(30)));
END;
