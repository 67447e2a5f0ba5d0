-- CheckEvaluationArguments: refuses what EvaluateModel cannot work with, all wrong arguments in one error.
-- Called by EvaluateModel.
CREATE OR ALTER PROCEDURE internal.CheckEvaluationArguments
    @Seed INT,          -- 0 to 2147483647
    @Horizon INT,       -- 0 and up, or NULL
    @SkipMissing BIT,   -- 0 or 1
    @Force BIT          -- 0 or 1
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000);
    IF @@TRANCOUNT > 0
    BEGIN
        SET @Message = CONCAT(N'EvaluateModel was called inside a transaction. ',
            N'Measuring would hold its locks: commit or roll back first, then call it again.');
        THROW 50100, @Message, 1;
    END;
    SELECT @Message = STRING_AGG(CONCAT(N'The value ', COALESCE(a.given, N'NULL'), N' for the parameter ', a.name,
        N' is not supported. Supported values are ', a.supported, N'. '), N'')
    FROM (
        VALUES
            (N'@Seed', CAST(@Seed AS NVARCHAR(30)), N'0 to 2147483647', IIF(@Seed >= 0, 1, 0)),
            (N'@Horizon', CAST(@Horizon AS NVARCHAR(30)), N'NULL, 0 and days above 0', IIF(@Horizon < 0, 0, 1)),
            (N'@SkipMissing', NULL, N'0 and 1', IIF(@SkipMissing IS NULL, 0, 1)),
            (N'@Force', NULL, N'0 and 1', IIF(@Force IS NULL, 0, 1))
    ) AS a (name, given, supported, is_supported)
    WHERE a.is_supported = 0;
    IF @Message IS NOT NULL
        THROW 50101, @Message, 1;
END;
