-- CheckClusterArguments: refuses numbers that nothing can be clustered with, all wrong arguments in one error.
-- Called by ClusterDataset and WrongRepresentatives.
CREATE OR ALTER PROCEDURE internal.CheckClusterArguments
    @Clusters INT,      -- 1 and up, or NULL
    @Seed INT,          -- 0 to 2147483647
    @Beside INT = 0     -- 0 to 1000
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000);
    SELECT @Message = STRING_AGG(CONCAT(N'The value ', COALESCE(a.given, N'NULL'), N' for the parameter ', a.name,
        N' is not supported. Supported values are ', a.supported, N'. '), N'')
    FROM (
        VALUES
            (N'@Clusters', CAST(@Clusters AS NVARCHAR(30)), N'NULL and numbers from 1', IIF(@Clusters < 1, 0, 1)),
            (N'@Seed', CAST(@Seed AS NVARCHAR(30)), N'0 to 2147483647', IIF(@Seed >= 0, 1, 0)),
            (N'@Beside', CAST(@Beside AS NVARCHAR(30)), N'0 to 1000', IIF(@Beside BETWEEN 0 AND 1000, 1, 0))
    ) AS a (name, given, supported, is_supported)
    WHERE a.is_supported = 0;
    IF @Message IS NOT NULL
        THROW 50101, @Message, 1;
END;
