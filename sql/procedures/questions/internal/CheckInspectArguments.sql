-- CheckInspectArguments: refuses what InspectDataset cannot work with, all wrong arguments in one error.
-- Called by InspectDataset.
CREATE OR ALTER PROCEDURE internal.CheckInspectArguments
    @Dataset NVARCHAR(128),     -- a data set, or NULL
    @DatasetVersion INT,        -- only with a data set
    @Against NVARCHAR(128),     -- another data set, or NULL
    @Columns NVARCHAR(MAX),     -- columns, or NULL
    @ColumnsFrom NVARCHAR(257), -- only with columns
    @Task NVARCHAR(32),         -- classification or regression
    @Horizon INT,               -- days, or NULL
    @Alpha FLOAT,               -- 0.0001 to 0.5
    @Top INT                    -- 1 to 100000
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000);
    SELECT @Message = STRING_AGG(CONCAT(N'The value ', COALESCE(a.given, N'NULL'), N' for the parameter ', a.name,
        N' is not supported. Supported values are ', a.supported, N'. '), N'')
    FROM (
        VALUES
            (N'@Task', @Task, N'classification and regression', IIF(@Task IN (N'classification', N'regression'), 1, 0)),
            (N'@Horizon', CAST(@Horizon AS NVARCHAR(30)), N'NULL and days above 0', IIF(@Horizon <= 0, 0, 1)),
            (N'@Alpha', CAST(@Alpha AS NVARCHAR(30)), N'0.0001 to 0.5', IIF(@Alpha BETWEEN 0.0001 AND 0.5, 1, 0)),
            (N'@Top', CAST(@Top AS NVARCHAR(30)), N'1 to 100000', IIF(@Top BETWEEN 1 AND 100000, 1, 0))
    ) AS a (name, given, supported, is_supported)
    WHERE a.is_supported = 0;
    SET @Message = NULLIF(CONCAT(REPLACE(@Message, N'%', N'%%'),
        IIF(@DatasetVersion IS NOT NULL AND @Dataset IS NULL,
            N'@DatasetVersion was given without @Dataset. Give both or neither. ', N''),
        IIF(@Against IS NOT NULL AND @Dataset IS NULL,
            N'@Against was given without @Dataset. Give the data set that it is to be held against, or leave it out. ', N''),
        IIF(@Horizon IS NOT NULL AND @Task = N'regression',
            N'@Horizon was given with @Task = ''regression'', whose labels have none. Leave it out. ', N''),
        IIF(@ColumnsFrom IS NOT NULL AND @Columns IS NULL,
            N'@ColumnsFrom was given without @Columns. Give both or neither. ', N'')), N'');
    IF @Message IS NOT NULL
        THROW 50101, @Message, 1;
END;
