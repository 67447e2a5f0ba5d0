-- FindSteps: gives the steps of a preprocessing, or those that were given in its place, and refuses wrong arguments, all in one error.
-- Called by PreviewPreprocessing and TransformImages.
CREATE OR ALTER PROCEDURE internal.FindSteps
    @Message NVARCHAR(2000),       -- what is wrong with the caller's other arguments, or empty
    @Preprocessing NVARCHAR(32),   -- name in dbo.preprocessings, or NULL
    @Rows INT,                     -- 1 to 4096
    @Cols INT,                     -- 1 to 4096
    @Steps NVARCHAR(MAX) OUTPUT    -- steps as they were given, or NULL; then those of the preprocessing
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF (@Preprocessing IS NULL AND @Steps IS NULL) OR (@Preprocessing IS NOT NULL AND @Steps IS NOT NULL)
        SET @Message = CONCAT(@Message, N'Give either @Preprocessing, a name in dbo.preprocessings, or @Steps. ');
    IF @Rows IS NULL OR @Rows NOT BETWEEN 1 AND 4096 OR @Cols IS NULL OR @Cols NOT BETWEEN 1 AND 4096
        SET @Message = CONCAT(@Message, N'The values ', COALESCE(CAST(@Rows AS NVARCHAR(12)), N'NULL'), N' and ',
            COALESCE(CAST(@Cols AS NVARCHAR(12)), N'NULL'),
            N' for the parameters @Rows and @Cols are not supported. Supported values are 1 to 4096. ');
    IF @Message <> N''
    BEGIN
        SET @Message = REPLACE(@Message, N'%', N'%%');
        THROW 50101, @Message, 1;
    END;
    IF @Preprocessing IS NULL
        RETURN 0;
    SET @Steps = (SELECT steps FROM dbo.preprocessings WHERE name = @Preprocessing);
    IF @Steps IS NULL
    BEGIN
        SET @Message = REPLACE(CONCAT(N'No preprocessing has the name ''', @Preprocessing, N'''. Those that are there: ', LEFT((
            SELECT STRING_AGG(CAST(name AS NVARCHAR(MAX)), N', ') WITHIN GROUP (ORDER BY name) FROM dbo.preprocessings), 1000),
            N'. Store others with StorePreprocessing.'), N'%', N'%%');
        THROW 50391, @Message, 1;
    END;
END;
