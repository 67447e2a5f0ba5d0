-- CheckNetworkArguments: refuses what TrainNetworkSql cannot work with, all wrong arguments in one error.
-- Called by TrainNetworkSql.
CREATE OR ALTER PROCEDURE internal.CheckNetworkArguments
    @Hidden NVARCHAR(400),     -- units of the hidden layers, with commas
    @Iterations INT,           -- 1 to 1000000
    @LearningRate FLOAT,       -- above 0, at most 1000
    @L2 FLOAT,                 -- 0 to 1000
    @BatchSize INT,            -- 1 or more, or NULL for all examples
    @Momentum FLOAT,           -- 0 to 0.999
    @Seed INT,                 -- 1 to 2147483646
    @ModelName NVARCHAR(128)   -- not NULL and not empty
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000) = N'';
    IF @@TRANCOUNT > 0
    BEGIN
        SET @Message = CONCAT(N'TrainNetworkSql was called inside a transaction. ',
            N'It commits as it goes: commit or roll back first, then call it again.');
        THROW 50100, @Message, 1;
    END;

    IF @ModelName IS NULL OR @ModelName = N''
        SET @Message = N'The parameter @ModelName is NULL or empty. Give the network a name, such as network_sql. ';
    IF @ModelName LIKE N'classifier/%'
        SET @Message = CONCAT(N'The parameter @ModelName is ''', @ModelName,
            N''', and names that begin with classifier/ are kept for the classifiers that are networks. Give another name. ');
    SELECT @Message = CONCAT(@Message, STRING_AGG(CONCAT(N'The value ', COALESCE(N'''' + a.given + N'''', N'NULL'),
        N' for the parameter ', a.name, N' is not supported. Supported values are ', a.supported, N'. '), N''))
    FROM (
        VALUES
            (N'@Hidden', @Hidden, N'numbers of units from 1 to 10000 with commas between, such as 32,16', CASE WHEN @Hidden IS NOT NULL
                AND NOT EXISTS (
                    SELECT 1 FROM STRING_SPLIT(@Hidden, N',')
                    WHERE COALESCE(TRY_CAST(NULLIF(TRIM(value), N'') AS INT), 0) NOT BETWEEN 1 AND 10000)
                THEN 1 ELSE 0 END),
            (N'@Iterations', CAST(@Iterations AS NVARCHAR(30)), N'1 to 1000000', IIF(@Iterations BETWEEN 1 AND 1000000, 1, 0)),
            (N'@LearningRate', CAST(@LearningRate AS NVARCHAR(30)), N'numbers above 0 and up to 1000',
                IIF(@LearningRate > 0 AND @LearningRate <= 1000, 1, 0)),
            (N'@L2', CAST(@L2 AS NVARCHAR(30)), N'0 to 1000', IIF(@L2 BETWEEN 0 AND 1000, 1, 0)),
            (N'@BatchSize', CAST(@BatchSize AS NVARCHAR(30)), N'1 or more, or NULL', IIF(@BatchSize IS NULL OR @BatchSize >= 1, 1, 0)),
            (N'@Momentum', CAST(@Momentum AS NVARCHAR(30)), N'0 to 0.999', IIF(@Momentum BETWEEN 0 AND 0.999, 1, 0)),
            (N'@Seed', CAST(@Seed AS NVARCHAR(30)), N'1 to 2147483646', IIF(@Seed BETWEEN 1 AND 2147483646, 1, 0))
    ) AS a (name, given, supported, is_supported)
    WHERE a.is_supported = 0;

    IF @Message <> N''
    BEGIN
        SET @Message = REPLACE(@Message, N'%', N'%%');
        THROW 50101, @Message, 1;
    END;
END;
