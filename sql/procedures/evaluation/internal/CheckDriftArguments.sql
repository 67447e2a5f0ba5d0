-- CheckDriftArguments: refuses what CheckDrift cannot work with, all wrong arguments in one error; settles the number of permutations.
-- Called by CheckDrift.
CREATE OR ALTER PROCEDURE internal.CheckDriftArguments
    @Since DATETIME2(3),        -- a time, or NULL with a data set
    @Dataset NVARCHAR(128),     -- a data set, or NULL with a time
    @DatasetVersion INT,        -- only with a data set
    @Alpha FLOAT,               -- above 0 to 0.5
    @Seed INT,                  -- 0 to 2147483647
    @Top INT,                   -- 1 to 100000
    @Permutations INT OUTPUT    -- 10 / @Alpha to 100000, or NULL
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Fewest INT = IIF(@Alpha >= 0.0001, CEILING(10 / @Alpha) - 1, 99999);
    IF @@TRANCOUNT > 0
    BEGIN
        SET @Message = CONCAT(N'CheckDrift was called inside a transaction. ',
            N'Comparing would hold its locks: commit or roll back first, then call it again.');
        THROW 50100, @Message, 1;
    END;
    SELECT @Message = STRING_AGG(CONCAT(N'The value ', COALESCE(a.given, N'NULL'), N' for the parameter ', a.name,
        N' is not supported. Supported values are ', a.supported, N'. '), N'')
    FROM (
        VALUES
            (N'@Alpha', CAST(@Alpha AS NVARCHAR(30)), N'0.0001 to 0.5', IIF(@Alpha BETWEEN 0.0001 AND 0.5, 1, 0)),
            (N'@Permutations', CAST(@Permutations AS NVARCHAR(30)), CONCAT(N'NULL and ', @Fewest, N' to 100000 with this @Alpha'),
                IIF(@Permutations IS NULL OR @Permutations BETWEEN @Fewest AND 100000, 1, 0)),
            (N'@Seed', CAST(@Seed AS NVARCHAR(30)), N'0 to 2147483647', IIF(@Seed >= 0, 1, 0)),
            (N'@Top', CAST(@Top AS NVARCHAR(30)), N'1 to 100000', IIF(@Top BETWEEN 1 AND 100000, 1, 0))
    ) AS a (name, given, supported, is_supported)
    WHERE a.is_supported = 0;
    SET @Message = NULLIF(CONCAT(@Message,
        IIF((@Since IS NULL AND @Dataset IS NULL) OR (@Since IS NOT NULL AND @Dataset IS NOT NULL),
            N'Either @Since or @Dataset says who came later. Give one of them. ', N''),
        IIF(@DatasetVersion IS NOT NULL AND @Dataset IS NULL,
            N'@DatasetVersion was given without @Dataset. Give both or neither. ', N'')), N'');
    IF @Message IS NOT NULL
        THROW 50101, @Message, 1;
    SET @Permutations = COALESCE(@Permutations, IIF(@Fewest > 1999, @Fewest, 1999));
END;
