-- CheckTrainingData: refuses what contradicts itself in what a training asks for as features and members, all of it in one error.
-- Called by TrainLungCancerModel and SearchModels.
CREATE OR ALTER PROCEDURE internal.CheckTrainingData
    @NetworkName NVARCHAR(128),     -- NULL where @Features is given
    @Layer NVARCHAR(256),           -- NULL where @Features is given
    @Preprocessing NVARCHAR(32),    -- NULL where @Features is given
    @Features NVARCHAR(MAX),        -- items, none with columns, or NULL
    @Columns NVARCHAR(MAX),         -- names, or NULL
    @ColumnsFrom NVARCHAR(257),     -- only with @Columns
    @Horizon INT,                   -- 1 and up, or NULL
    @PositiveFrom INT,              -- 1 to 255, or NULL
    @Task NVARCHAR(32)              -- classification or regression
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000) = CONCAT(
        IIF(@Features IS NOT NULL AND COALESCE(@NetworkName, @Layer, @Preprocessing) IS NOT NULL,
            N'@Features was given together with @NetworkName, @Layer or @Preprocessing. Write these into its items instead. ', N''),
        IIF(LTRIM(@Features) = N'', N'The value '''' for the parameter @Features is not supported. Give features, none, or NULL. ', N''),
        IIF(LOWER(@Features) = N'none' AND @Columns IS NULL, N'@Features = N''none'' was given without @Columns. Give columns. ', N''),
        IIF(LTRIM(@Columns) = N'', N'The value '''' for the parameter @Columns is not supported. Give columns such as age, or NULL. ', N''),
        IIF(@ColumnsFrom IS NOT NULL AND @Columns IS NULL, N'@ColumnsFrom was given without @Columns. Give both or neither. ', N''),
        IIF(@Horizon < 1, CONCAT(N'The value ', @Horizon,
            N' for the parameter @Horizon is not supported. Supported values are NULL and days from 1. '), N''),
        IIF(@PositiveFrom NOT BETWEEN 1 AND 255, CONCAT(N'The value ', @PositiveFrom,
            N' for the parameter @PositiveFrom is not supported. Supported values are NULL and 1 to 255. '), N''),
        IIF(@Task = N'regression' AND @Horizon IS NOT NULL, CONCAT(N'The parameter @Horizon = ', @Horizon,
            N' has no meaning with @Task = N''regression'', whose numbers in dbo.numeric_labels are of patients. Leave it out. '), N''),
        IIF(@Task = N'regression' AND @PositiveFrom IS NOT NULL, CONCAT(N'The parameter @PositiveFrom = ', @PositiveFrom,
            N' has no meaning with @Task = N''regression'', which has no classes. Leave it out. '), N''));
    IF @Message <> N''
        THROW 50101, @Message, 1;
END;
