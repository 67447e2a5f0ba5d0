-- CheckMaximiseArguments: refuses what no search can be made with, all wrong numbers in one error, and what needs gradients.
-- Called by MaximiseImage.
CREATE OR ALTER PROCEDURE internal.CheckMaximiseArguments
    @Generations INT,       -- 1 to 10000
    @Population INT,        -- 4 to 1000
    @Frequencies INT,       -- 2 to 16
    @Seed INT,              -- 0 to 2147483647
    @Method VARCHAR(32)     -- search
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000);
    SELECT @Message = STRING_AGG(CONCAT(N'The value ', COALESCE(a.given, N'NULL'), N' for the parameter ', a.name,
        N' is not supported. Supported values are ', a.supported, N'. '), N'')
    FROM (
        VALUES
            (N'@Generations', CAST(@Generations AS NVARCHAR(30)), N'1 to 10000', IIF(@Generations BETWEEN 1 AND 10000, 1, 0)),
            (N'@Population', CAST(@Population AS NVARCHAR(30)), N'4 to 1000', IIF(@Population BETWEEN 4 AND 1000, 1, 0)),
            (N'@Frequencies', CAST(@Frequencies AS NVARCHAR(30)), N'2 to 16', IIF(@Frequencies BETWEEN 2 AND 16, 1, 0)),
            (N'@Seed', CAST(@Seed AS NVARCHAR(30)), N'0 to 2147483647', IIF(@Seed >= 0, 1, 0))
    ) AS a (name, given, supported, is_supported)
    WHERE a.is_supported = 0;
    IF @Message IS NOT NULL
        THROW 50101, @Message, 1;
    IF LOWER(COALESCE(@Method, '')) <> 'search'
    BEGIN
        SET @Message = REPLACE(CONCAT(N'The value ', COALESCE(N'''' + @Method + N'''', N'NULL'), N' for the parameter @Method is not ',
            N'supported: guided backpropagation and whatever else follows gradients needs them, and ONNX Runtime, which runs the ',
            N'networks, gives none. Supported is search, which needs none.'), N'%', N'%%');
        THROW 50411, @Message, 1;
    END;
    IF @Generations * @Population > 100000
    BEGIN
        SET @Message = CONCAT(@Generations, N' generations of ', @Population, N' are ', @Generations * @Population,
            N' runs of the network, more than 100000. Give a smaller @Generations or @Population.');
        THROW 50410, @Message, 1;
    END;
END;
