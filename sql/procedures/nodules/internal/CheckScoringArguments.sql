-- CheckScoringArguments: refuses what ScoreNodules cannot work with, all wrong arguments in one error.
-- Called by ScoreNodules.
CREATE OR ALTER PROCEDURE internal.CheckScoringArguments
    @ModelName NVARCHAR(128),      -- name of a network
    @Detector NVARCHAR(128),       -- name of a network
    @Preprocessing NVARCHAR(32),   -- name of a preprocessing
    @Activation NVARCHAR(16),      -- none, sigmoid, softmax or NULL
    @Class INT,                    -- 0 and up, or NULL
    @BatchSize INT,                -- 1 to 1024
    @ChunkMegabytes INT,           -- 1 to 512
    @Recompute BIT                 -- 0 or 1
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000);
    IF @@TRANCOUNT > 0
    BEGIN
        SET @Message = CONCAT(N'ScoreNodules was called inside a transaction. ',
            N'Scoring would hold its locks: commit or roll back first, then call it again.');
        THROW 50100, @Message, 1;
    END;
    SELECT @Message = STRING_AGG(CONCAT(N'The value ', COALESCE(a.given, N'NULL'), N' for the parameter ', a.name,
        N' is not supported. Supported values are ', a.supported, N'. '), N'')
    FROM (
        VALUES
            (N'@ModelName', CAST(NULL AS NVARCHAR(30)), N'names in dbo.networks', IIF(@ModelName IS NULL, 0, 1)),
            (N'@Detector', NULL, N'names of detectors in dbo.networks', IIF(@Detector IS NULL, 0, 1)),
            (N'@DetectorPreprocessing', NULL, N'names in dbo.preprocessings', IIF(@Preprocessing IS NULL, 0, 1)),
            (N'@Activation', N'''' + @Activation + N'''', N'NULL, none, sigmoid and softmax',
                IIF(@Activation NOT IN (N'none', N'sigmoid', N'softmax'), 0, 1)),
            (N'@Class', CAST(@Class AS NVARCHAR(30)), N'NULL and 0 and up', IIF(@Class < 0, 0, 1)),
            (N'@BatchSize', CAST(@BatchSize AS NVARCHAR(30)), N'1 to 1024', IIF(@BatchSize BETWEEN 1 AND 1024, 1, 0)),
            (N'@ChunkMegabytes', CAST(@ChunkMegabytes AS NVARCHAR(30)), N'1 to 512', IIF(@ChunkMegabytes BETWEEN 1 AND 512, 1, 0)),
            (N'@Recompute', NULL, N'0 and 1', IIF(@Recompute IS NULL, 0, 1))
    ) AS a (name, given, supported, is_supported)
    WHERE a.is_supported = 0;
    IF @Message IS NULL
        RETURN 0;
    SET @Message = REPLACE(@Message, N'%', N'%%');
    THROW 50101, @Message, 1;
END;
