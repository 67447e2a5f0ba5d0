-- CheckImageArguments: refuses what FeaturizeImages cannot work with, all wrong arguments in one error.
-- Called by FeaturizeImages and QueueImages.
CREATE OR ALTER PROCEDURE internal.CheckImageArguments
    @ModelName NVARCHAR(128),    -- name of a network
    @Layer NVARCHAR(256),        -- one or more names, each once, with commas
    @BatchSize INT,              -- 1 to 1024
    @ChunkMegabytes INT,         -- 1 to 1024
    @Recompute BIT               -- 0 or 1
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000) = N'';
    IF @@TRANCOUNT > 0
    BEGIN
        SET @Message = CONCAT(N'FeaturizeImages was called inside a transaction. ',
            N'It commits chunk by chunk: commit or roll back first, then call it again.');
        THROW 50100, @Message, 1;
    END;

    IF @ModelName IS NULL
        SET @Message = CONCAT(N'The value NULL for the parameter @ModelName is not supported. Give the name of a network in dbo.networks: ',
            LEFT(COALESCE((
                SELECT STRING_AGG(CAST(n.name AS NVARCHAR(MAX)), N', ') FROM (SELECT DISTINCT name FROM dbo.networks) AS n),
                N'none is loaded'), 1000), N'. ');
    IF EXISTS (SELECT 1 FROM STRING_SPLIT(@Layer, N',') GROUP BY value HAVING COUNT(*) > 1 OR value = N'')
        SET @Message = CONCAT(@Message, N'The value ''', @Layer,
            N''' for the parameter @Layer is not supported. Give one or more names of layers, each once, with commas between. ');
    IF @BatchSize IS NULL OR @BatchSize NOT BETWEEN 1 AND 1024
        SET @Message = CONCAT(@Message, N'The value ', COALESCE(CAST(@BatchSize AS NVARCHAR(12)), N'NULL'),
            N' for the parameter @BatchSize is not supported. Supported values are 1 to 1024. ');
    IF @ChunkMegabytes IS NULL OR @ChunkMegabytes NOT BETWEEN 1 AND 1024
        SET @Message = CONCAT(@Message, N'The value ', COALESCE(CAST(@ChunkMegabytes AS NVARCHAR(12)), N'NULL'),
            N' for the parameter @ChunkMegabytes is not supported. Supported values are 1 to 1024. ');
    IF @Recompute IS NULL
        SET @Message = CONCAT(@Message, N'The value NULL for the parameter @Recompute is not supported. Supported values are 0 and 1. ');
    SET @Message = CONCAT(@Message, (
        SELECT N'The setting threads is ''' + value + N'''. Set it to NULL or a whole number of 1 or more in dbo.settings. '
        FROM dbo.settings
        WHERE name = N'threads' AND value IS NOT NULL AND COALESCE(TRY_CAST(value AS INT), 0) < 1));
    IF @Message <> N''
    BEGIN
        SET @Message = REPLACE(@Message, N'%', N'%%');
        THROW 50101, @Message, 1;
    END;
END;
