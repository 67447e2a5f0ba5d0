-- CheckTrainingArguments: refuses what TrainLungCancerModel cannot work with, all wrong arguments in one error; gives the others as JSON.
-- Called by TrainLungCancerModel.
CREATE OR ALTER PROCEDURE internal.CheckTrainingArguments
    @ModelName NVARCHAR(128),   -- not NULL and not empty
    @Algorithm NVARCHAR(32),    -- lightgbm, logistic, random_forest, extra_trees, network, noisy_or, ensemble, or of dbo.extensions
    @Seed INT,                  -- 0 to 2147483647
    @Folds INT,                 -- 0, or 2 to 20
    @ValidationFraction FLOAT,  -- 0.05 to 0.5, or NULL
    @LearningRate FLOAT,        -- 0.001 to 1, or NULL
    @NumLeaves INT,             -- 2 to 1024, or NULL
    @MinDataInLeaf INT,         -- 1 to 10000, or NULL
    @MaxIterations INT,         -- 1 to 10000, or NULL
    @EarlyStoppingRounds INT,   -- 1 to 1000, or NULL
    @L2 FLOAT,                  -- 0.000001 to 1000000, or NULL
    @Imbalance NVARCHAR(32),    -- none, class_weight or undersample
    @Calibration NVARCHAR(32),  -- none, platt or isotonic
    @SkipMissing BIT,           -- 0 or 1
    @Parameters NVARCHAR(MAX) OUTPUT, -- those that were given, for train_lung_cancer_model
    @Hidden NVARCHAR(400) = NULL, -- one to three numbers from 1 to 256 with commas, or NULL
    @Members NVARCHAR(MAX) = NULL, -- NULL, but with ensemble
    @Task NVARCHAR(32) = N'classification', -- classification or regression
    @AlgorithmParameters NVARCHAR(MAX) = NULL -- a JSON object, or NULL; an algorithm of a package has them
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(4000) = N'', @Package NVARCHAR(128), @Kind NVARCHAR(32), @Others NVARCHAR(400);
    -- The packages' own names, as they are written there.
    SELECT @Package = package, @Algorithm = name FROM dbo.extensions WHERE kind = 'algorithm' AND name = @Algorithm;
    SET @Kind = IIF(@Package IS NULL, @Algorithm, N'package');
    SET @Others = LEFT((
        SELECT CONCAT(N'; of packages ', STRING_AGG(CAST(name AS NVARCHAR(MAX)), N', ') WITHIN GROUP (ORDER BY name))
        FROM dbo.extensions WHERE kind = 'algorithm' HAVING COUNT(*) > 0), 400);
    IF @@TRANCOUNT > 0
    BEGIN
        SET @Message = CONCAT(N'TrainLungCancerModel was called inside a transaction. ',
            N'Training would hold its locks: commit or roll back first, then call it again.');
        THROW 50100, @Message, 1;
    END;

    IF @ModelName IS NULL OR @ModelName = N''
        SET @Message = N'The parameter @ModelName is NULL or empty. Give the model a name, such as lightgbm_sql. ';

    SELECT @Message = CONCAT(@Message, STRING_AGG(CONCAT(N'The value ', COALESCE(a.given, N'NULL'),
        N' for the parameter ', a.name, N' is not supported. Supported values are ', a.supported, N'. '), N''))
    FROM (
        VALUES
            (N'@Algorithm', N'''' + @Algorithm + N'''',
                CONCAT(N'lightgbm, logistic, random_forest, extra_trees, network, noisy_or and ensemble', @Others),
                IIF(@Kind IN (
                    N'lightgbm', N'logistic', N'random_forest', N'extra_trees', N'network', N'noisy_or', N'ensemble', N'package')
                    AND (@Algorithm <> N'package' OR @Package IS NOT NULL), 1, 0)),
            (N'@Seed', CAST(@Seed AS NVARCHAR(30)), N'0 to 2147483647', IIF(@Seed >= 0, 1, 0)),
            (N'@Folds', CAST(@Folds AS NVARCHAR(30)), N'0 (hold-out) and 2 to 20', IIF(@Folds = 0 OR @Folds BETWEEN 2 AND 20, 1, 0)),
            (N'@ValidationFraction', CAST(@ValidationFraction AS NVARCHAR(30)), N'NULL and 0.05 to 0.5',
                IIF(@ValidationFraction NOT BETWEEN 0.05 AND 0.5, 0, 1)),
            (N'@LearningRate', CAST(@LearningRate AS NVARCHAR(30)), N'NULL and 0.001 to 1',
                IIF(@LearningRate NOT BETWEEN 0.001 AND 1, 0, 1)),
            (N'@NumLeaves', CAST(@NumLeaves AS NVARCHAR(30)), N'NULL and 2 to 1024', IIF(@NumLeaves NOT BETWEEN 2 AND 1024, 0, 1)),
            (N'@MinDataInLeaf', CAST(@MinDataInLeaf AS NVARCHAR(30)), N'NULL and 1 to 10000',
                IIF(@MinDataInLeaf NOT BETWEEN 1 AND 10000, 0, 1)),
            (N'@MaxIterations', CAST(@MaxIterations AS NVARCHAR(30)), N'NULL and 1 to 10000',
                IIF(@MaxIterations NOT BETWEEN 1 AND 10000, 0, 1)),
            (N'@EarlyStoppingRounds', CAST(@EarlyStoppingRounds AS NVARCHAR(30)), N'NULL and 1 to 1000',
                IIF(@EarlyStoppingRounds NOT BETWEEN 1 AND 1000, 0, 1)),
            (N'@L2', CAST(@L2 AS NVARCHAR(30)), N'NULL and 0.000001 to 1000000', IIF(@L2 NOT BETWEEN 0.000001 AND 1000000, 0, 1)),
            (N'@Imbalance', N'''' + @Imbalance + N'''', N'none, class_weight and undersample',
                IIF(@Imbalance IN (N'none', N'class_weight', N'undersample'), 1, 0)),
            (N'@Calibration', N'''' + @Calibration + N'''', N'none, platt and isotonic',
                IIF(@Calibration IN (N'none', N'platt', N'isotonic'), 1, 0)),
            (N'@Hidden', N'''' + @Hidden + N'''', N'NULL and one to three numbers from 1 to 256 with commas between, such as 32,16', CASE
                WHEN @Hidden IS NULL THEN 1
                WHEN ISJSON(CONCAT(N'[', @Hidden, N']')) = 0 OR (SELECT COUNT(*) FROM STRING_SPLIT(@Hidden, N',')) > 3 OR EXISTS (
                    SELECT 1 FROM STRING_SPLIT(@Hidden, N',')
                    WHERE COALESCE(TRY_CAST(NULLIF(TRIM(value), N'') AS INT), 0) NOT BETWEEN 1 AND 256) THEN 0
                ELSE 1 END),
            (N'@AlgorithmParameters', N'''' + LEFT(@AlgorithmParameters, 100) + N'''', N'NULL and JSON objects, such as {"depth": 2}',
                IIF(ISJSON(@AlgorithmParameters) = 0, 0, 1)),
            (N'@SkipMissing', NULL, N'0 and 1', IIF(@SkipMissing IS NULL, 0, 1)),
            (N'@Task', N'''' + @Task + N'''', N'classification and regression', IIF(@Task IN (N'classification', N'regression'), 1, 0))
    ) AS a (name, given, supported, is_supported)
    WHERE a.is_supported = 0;

    SELECT @Message = CONCAT(@Message, STRING_AGG(CONCAT(N'The parameter ', a.name, N' = ', a.given,
        N' has no meaning with @Algorithm = N''', @Algorithm, N''', ', a.reason, N'. Leave it out. '), N''))
    FROM (
        VALUES
            (N'lightgbm logistic random_forest extra_trees network noisy_or package', N'@Members', N'''' + LEFT(@Members, 100) + N'''',
                N'which learns from patients'),
            (N'package', N'@Imbalance', N'''' + NULLIF(NULLIF(@Imbalance, N'none'), N'undersample') + N'''', N'which takes no weights'),
            (N'package', N'@L2', CAST(@L2 AS NVARCHAR(30)), N'which has parameters of its own'),
            (N'noisy_or', N'@L2', CAST(@L2 AS NVARCHAR(30)), N'which learns its leak alone'),
            (N'lightgbm logistic random_forest extra_trees network noisy_or ensemble', N'@AlgorithmParameters',
                N'''' + LEFT(@AlgorithmParameters, 100) + N'''', N'which is of no package'),
            (N'ensemble', N'@Imbalance', N'''' + NULLIF(@Imbalance, N'none') + N'''', N'whose members are trained already'),
            (N'ensemble', N'@Calibration', N'''' + NULLIF(@Calibration, N'platt') + N'''', N'which is recalibrated by platt'),
            (N'lightgbm random_forest extra_trees', N'@L2', CAST(@L2 AS NVARCHAR(30)), N'which learns trees'),
            (N'ensemble', N'@L2', CAST(@L2 AS NVARCHAR(30)), N'whose members are trained already'),
            (N'logistic noisy_or ensemble package', N'@LearningRate', CAST(@LearningRate AS NVARCHAR(30)), N'which has no trees'),
            (N'random_forest extra_trees', N'@LearningRate', CAST(@LearningRate AS NVARCHAR(30)), N'whose trees are averaged'),
            (N'logistic network noisy_or ensemble package', N'@NumLeaves', CAST(@NumLeaves AS NVARCHAR(30)), N'which has no trees'),
            (N'logistic network noisy_or ensemble package', N'@MinDataInLeaf', CAST(@MinDataInLeaf AS NVARCHAR(30)), N'which has no trees'),
            (N'logistic noisy_or ensemble package', N'@MaxIterations', CAST(@MaxIterations AS NVARCHAR(30)), N'which has no trees'),
            (N'logistic noisy_or ensemble package', N'@EarlyStoppingRounds', CAST(@EarlyStoppingRounds AS NVARCHAR(30)),
                N'which has no trees'),
            (N'random_forest extra_trees', N'@EarlyStoppingRounds', CAST(@EarlyStoppingRounds AS NVARCHAR(30)),
                N'which has a fixed number of trees'),
            (N'lightgbm logistic random_forest extra_trees noisy_or ensemble package', N'@Hidden', N'''' + @Hidden + N'''',
                N'which has no hidden layers'),
            (IIF(@Folds > 0, N'logistic random_forest extra_trees noisy_or ensemble package', N'ensemble'), N'@ValidationFraction',
                CAST(@ValidationFraction AS NVARCHAR(30)), N'which stops nothing early inside a fold')
    ) AS a (algorithms, name, given, reason)
    WHERE CONCAT(N' ', a.algorithms, N' ') LIKE CONCAT(N'% ', @Kind, N' %') AND a.given IS NOT NULL
        AND @Kind IN (N'lightgbm', N'logistic', N'random_forest', N'extra_trees', N'network', N'noisy_or', N'ensemble', N'package');

    SELECT @Message = CONCAT(@Message, STRING_AGG(CONCAT(N'The value ''', a.given, N''' for the parameter ', a.name,
        N' is not supported with @Task = N''regression'', ', a.reason, N'. '), N''))
    FROM (
        VALUES
            (N'@Algorithm', IIF(@Kind IN (N'logistic', N'network', N'noisy_or', N'ensemble', N'package'), @Algorithm, NULL),
                N'which lightgbm, random_forest and extra_trees learn. Take one of them'),
            (N'@Imbalance', IIF(@Imbalance IN (N'class_weight', N'undersample'), @Imbalance, NULL), N'which has no classes. Leave it out'),
            (N'@Calibration', IIF(@Calibration = N'isotonic', @Calibration, NULL), N'which has no probabilities. Leave it out')
    ) AS a (name, given, reason)
    WHERE @Task = N'regression' AND a.given IS NOT NULL;

    IF @Message <> N''
    BEGIN
        SET @Message = REPLACE(LEFT(@Message, 1900), N'%', N'%%');
        THROW 50101, @Message, 1;
    END;

    -- Style 3 keeps every digit of a FLOAT, where CAST keeps six.
    SET @Parameters = CONCAT(N'{"algorithm": "', IIF(@Package IS NULL, LOWER(@Algorithm), @Algorithm), N'", "seed": ', @Seed,
        N', "folds": ', @Folds,
        N', "imbalance": "', LOWER(@Imbalance), N'", "calibration": "',
        IIF(@Task = N'regression', N'none", "task": "regression', LOWER(@Calibration)), N'"',
        N', "validation_fraction": ' + CONVERT(NVARCHAR(40), @ValidationFraction, 3), N', "l2": ' + CONVERT(NVARCHAR(40), @L2, 3),
        N', "learning_rate": ' + CONVERT(NVARCHAR(40), @LearningRate, 3), N', "num_leaves": ' + CAST(@NumLeaves AS NVARCHAR(30)),
        N', "min_data_in_leaf": ' + CAST(@MinDataInLeaf AS NVARCHAR(30)), N', "max_iterations": ' + CAST(@MaxIterations AS NVARCHAR(30)),
        N', "early_stopping_rounds": ' + CAST(@EarlyStoppingRounds AS NVARCHAR(30)), N', "hidden": [' + @Hidden + N']',
        N', "algorithm_parameters": ' + @AlgorithmParameters, N', "package": "' + STRING_ESCAPE(@Package, 'json') + N'"', N'}');
END;
