-- CheckTrainingArguments: refuses what TrainLungCancerModel cannot work with, all wrong arguments in one error.
-- Called by TrainLungCancerModel.
CREATE OR ALTER PROCEDURE dbo.CheckTrainingArguments
    @ModelName NVARCHAR(128),   -- not NULL and not empty
    @Seed INT,                  -- 0 to 2147483647
    @ValidationFraction FLOAT,  -- 0.05 to 0.5
    @LearningRate FLOAT,        -- 0.001 to 1
    @NumLeaves INT,             -- 2 to 1024
    @MinDataInLeaf INT,         -- 1 to 10000
    @MaxIterations INT,         -- 1 to 10000
    @EarlyStoppingRounds INT    -- 1 to 1000
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000) = N'';
    IF @@TRANCOUNT > 0
    BEGIN
        SET @Message = N'TrainLungCancerModel was called inside a transaction. Training would hold its locks: commit or roll back first, then call it again.';
        THROW 50100, @Message, 1;
    END;

    IF @ModelName IS NULL OR @ModelName = N''
        SET @Message = N'The parameter @ModelName is NULL or empty. Give the model a name, such as lightgbm_sql. ';

    SELECT @Message = CONCAT(@Message, STRING_AGG(CONCAT(N'The value ', COALESCE(a.given, N'NULL'),
        N' for the parameter ', a.name, N' is not supported. Supported values are ', a.supported, N'. '), N''))
    FROM (
        VALUES
            (N'@Seed', CAST(@Seed AS NVARCHAR(30)), N'0 to 2147483647', IIF(@Seed >= 0, 1, 0)),
            (N'@ValidationFraction', CAST(@ValidationFraction AS NVARCHAR(30)), N'0.05 to 0.5', IIF(@ValidationFraction BETWEEN 0.05 AND 0.5, 1, 0)),
            (N'@LearningRate', CAST(@LearningRate AS NVARCHAR(30)), N'0.001 to 1', IIF(@LearningRate BETWEEN 0.001 AND 1, 1, 0)),
            (N'@NumLeaves', CAST(@NumLeaves AS NVARCHAR(30)), N'2 to 1024', IIF(@NumLeaves BETWEEN 2 AND 1024, 1, 0)),
            (N'@MinDataInLeaf', CAST(@MinDataInLeaf AS NVARCHAR(30)), N'1 to 10000', IIF(@MinDataInLeaf BETWEEN 1 AND 10000, 1, 0)),
            (N'@MaxIterations', CAST(@MaxIterations AS NVARCHAR(30)), N'1 to 10000', IIF(@MaxIterations BETWEEN 1 AND 10000, 1, 0)),
            (N'@EarlyStoppingRounds', CAST(@EarlyStoppingRounds AS NVARCHAR(30)), N'1 to 1000', IIF(@EarlyStoppingRounds BETWEEN 1 AND 1000, 1, 0))
    ) AS a (name, given, supported, is_supported)
    WHERE a.is_supported = 0;

    IF @Message <> N''
    BEGIN
        SET @Message = REPLACE(@Message, N'%', N'%%');
        THROW 50101, @Message, 1;
    END;
END;
