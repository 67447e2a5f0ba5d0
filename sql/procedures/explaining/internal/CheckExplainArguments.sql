-- CheckExplainArguments: refuses what ExplainScans cannot work with, all wrong arguments in one error.
-- Called by ExplainScans.
CREATE OR ALTER PROCEDURE internal.CheckExplainArguments
    @ScanId INT,                -- a scan, or NULL
    @PredictionId INT,          -- a prediction, or NULL
    @Dataset NVARCHAR(128),     -- a data set, or NULL
    @DatasetVersion INT,        -- its version, or NULL
    @TopSlices INT,             -- 0 to 1000
    @TopFeatures INT,           -- 0 to 1000
    @Permutations INT,          -- 0 to 10000
    @Seed INT,                  -- 0 and up
    @Features BIT,              -- 0 or 1
    @Recompute BIT,             -- 0 or 1
    @ChunkMegabytes INT         -- 1 to 512
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000) = N'';
    IF @@TRANCOUNT > 0
    BEGIN
        SET @Message = CONCAT(N'ExplainScans was called inside a transaction. ',
            N'It commits chunk by chunk: commit or roll back first, then call it again.');
        THROW 50100, @Message, 1;
    END;
    IF IIF(@ScanId IS NULL, 0, 1) + IIF(@PredictionId IS NULL, 0, 1) + IIF(@Dataset IS NULL, 0, 1) <> 1
        SET @Message = N'Give one of @ScanId, @PredictionId and @Dataset: what is to be explained. ';
    IF @DatasetVersion IS NOT NULL AND @Dataset IS NULL
        SET @Message = CONCAT(@Message, N'The parameter @DatasetVersion was given without @Dataset. Give both or neither. ');
    SELECT @Message = CONCAT(@Message, STRING_AGG(CONCAT(N'The value ', COALESCE(CAST(a.given AS NVARCHAR(12)), N'NULL'),
        N' for the parameter ', a.name, N' is not supported. Supported values are ', a.low, IIF(a.high = 1, N' and ', N' to '), a.high,
        N'. '), N'') WITHIN GROUP (ORDER BY a.place))
    FROM (
        VALUES
            (1, N'@TopSlices', @TopSlices, 0, 1000), (2, N'@TopFeatures', @TopFeatures, 0, 1000),
            (3, N'@Permutations', @Permutations, 0, 10000), (4, N'@Seed', @Seed, 0, 2147483647),
            (5, N'@Features', CAST(@Features AS INT), 0, 1), (6, N'@Recompute', CAST(@Recompute AS INT), 0, 1),
            (7, N'@ChunkMegabytes', @ChunkMegabytes, 1, 512)) AS a (place, name, given, low, high)
    WHERE a.given IS NULL OR a.given NOT BETWEEN a.low AND a.high;
    IF @Message <> N''
        THROW 50101, @Message, 1;
END;
