-- CheckSearchArguments: refuses what SearchModels cannot work with, all wrong arguments in one error.
-- Called by SearchModels.
CREATE OR ALTER PROCEDURE internal.CheckSearchArguments
    @ModelName NVARCHAR(128), -- not NULL and not empty
    @Method NVARCHAR(32),     -- random or grid
    @Trials INT,              -- 1 to 10000, or NULL; with grid NULL
    @Metric NVARCHAR(32),     -- auc or log_loss
    @Folds INT,               -- 2 to 20
    @Seed INT,                -- 0 to 2147483647
    @Halving INT,             -- 1 to 5
    @SkipMissing BIT,         -- 0 or 1
    @NetworkName NVARCHAR(128),    -- NULL where @Features is given
    @Layers NVARCHAR(MAX),         -- NULL where @Features is given
    @Preprocessing NVARCHAR(32),   -- NULL where @Features is given
    @Features NVARCHAR(MAX)        -- features to choose among, or NULL
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(4000) = N'';
    IF @@TRANCOUNT > 0
    BEGIN
        SET @Message = CONCAT(N'SearchModels was called inside a transaction. ',
            N'Workers could not see the trials: commit or roll back first, then call it again.');
        THROW 50100, @Message, 1;
    END;

    IF @ModelName IS NULL OR @ModelName = N''
        SET @Message = N'The parameter @ModelName is NULL or empty. Give the model a name, such as lightgbm_sql. ';
    SELECT @Message = CONCAT(@Message, STRING_AGG(CONCAT(N'The value ', COALESCE(a.given, N'NULL'),
        N' for the parameter ', a.name, N' is not supported. Supported values are ', a.supported, N'. '), N''))
    FROM (
        VALUES
            (N'@Method', N'''' + @Method + N'''', N'random and grid', IIF(@Method IN (N'random', N'grid'), 1, 0)),
            (N'@Trials', CAST(@Trials AS NVARCHAR(30)), N'NULL and 1 to 10000', IIF(@Trials NOT BETWEEN 1 AND 10000, 0, 1)),
            (N'@Metric', N'''' + @Metric + N'''', N'auc and log_loss', IIF(@Metric IN (N'auc', N'log_loss'), 1, 0)),
            (N'@Folds', CAST(@Folds AS NVARCHAR(30)), N'2 to 20', IIF(@Folds BETWEEN 2 AND 20, 1, 0)),
            (N'@Seed', CAST(@Seed AS NVARCHAR(30)), N'0 to 2147483647', IIF(@Seed >= 0, 1, 0)),
            (N'@Halving', CAST(@Halving AS NVARCHAR(30)), N'1 (none) to 5', IIF(@Halving BETWEEN 1 AND 5, 1, 0)),
            (N'@SkipMissing', NULL, N'0 and 1', IIF(@SkipMissing IS NULL, 0, 1))
    ) AS a (name, given, supported, is_supported)
    WHERE a.is_supported = 0;
    IF @Method = N'grid' AND @Trials IS NOT NULL
        SET @Message = CONCAT(@Message, N'The parameter @Trials = ', @Trials,
            N' has no meaning with @Method = N''grid'', which tries every combination. Leave it out. ');
    IF @Features IS NOT NULL AND COALESCE(@NetworkName, @Layers, @Preprocessing) IS NOT NULL
        SET @Message = CONCAT(@Message,
            N'@Features was given together with @NetworkName, @Layers or @Preprocessing. Write these into its items instead. ');
    IF @Message <> N''
    BEGIN
        SET @Message = REPLACE(LEFT(@Message, 1900), N'%', N'%%');
        THROW 50101, @Message, 1;
    END;
END;
