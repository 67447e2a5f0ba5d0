-- CheckFeatureArguments: refuses what GenerateFeatures cannot work with, all wrong arguments in one error.
-- Called by GenerateFeatures and QueueFeatures.
CREATE OR ALTER PROCEDURE internal.CheckFeatureArguments
    @Layer NVARCHAR(256),        -- one or more names, each once, with commas and no spaces
    @Preprocessing NVARCHAR(32), -- one of dbo.preprocessings, or NULL
    @Pooling NVARCHAR(128),      -- one or more of dbo.poolings, with commas and no spaces, or NULL
    @BatchSize INT,              -- 1 to 1024
    @ChunkMegabytes INT,         -- 1 to 512
    @Recompute BIT,              -- 0 or 1
    @Packages NVARCHAR(MAX) OUTPUT, -- JSON: the package of each pooling that packages add, as it is registered
    @KeepMaps BIT                -- 0 or 1
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000) = N'';
    IF @@TRANCOUNT > 0
    BEGIN
        SET @Message = CONCAT(N'GenerateFeatures was called inside a transaction. ',
            N'It commits chunk by chunk: commit or roll back first, then call it again.');
        THROW 50100, @Message, 1;
    END;

    EXECUTE internal.FindFeatureFaults @Layer, @Preprocessing, @Pooling, @Message OUTPUT;
    IF @BatchSize IS NULL OR @BatchSize NOT BETWEEN 1 AND 1024
        SET @Message = CONCAT(@Message, N'The value ', COALESCE(CAST(@BatchSize AS NVARCHAR(12)), N'NULL'),
            N' for the parameter @BatchSize is not supported. Supported values are 1 to 1024. ');
    IF @ChunkMegabytes IS NULL OR @ChunkMegabytes NOT BETWEEN 1 AND 512
        SET @Message = CONCAT(@Message, N'The value ', COALESCE(CAST(@ChunkMegabytes AS NVARCHAR(12)), N'NULL'),
            N' for the parameter @ChunkMegabytes is not supported. Supported values are 1 to 512, half of what a script takes. ');
    IF @Recompute IS NULL
        SET @Message = CONCAT(@Message, N'The value NULL for the parameter @Recompute is not supported. Supported values are 0 and 1. ');
    IF @KeepMaps IS NULL
        SET @Message = CONCAT(@Message, N'The value NULL for the parameter @KeepMaps is not supported. Supported values are 0 and 1. ');
    IF @KeepMaps = 1 AND COALESCE((
            SELECT TRY_CAST(value AS FLOAT) FROM dbo.settings WHERE name = N'kept_maps_gigabytes'), -1) NOT BETWEEN 0 AND 1000000
        SET @Message = CONCAT(@Message, N'The setting kept_maps_gigabytes is ', COALESCE((
                SELECT N'''' + value + N'''' FROM dbo.settings WHERE name = N'kept_maps_gigabytes'), N'NULL'),
            N'. Set it to a number from 0 to 1000000. ');
    SET @Message = CONCAT(@Message, (
        SELECT N'The setting threads is ''' + value + N'''. Set it to NULL or a whole number of 1 or more in dbo.settings. '
        FROM dbo.settings
        WHERE name = N'threads' AND value IS NOT NULL AND COALESCE(TRY_CAST(value AS INT), 0) < 1));
    SET @Message = CONCAT(@Message, (
        SELECT N'The setting prepared_gigabytes is ''' + value + N'''. Set it to a number from 0, which keeps nothing, to 1000000. '
        FROM dbo.settings
        WHERE name = N'prepared_gigabytes' AND value IS NOT NULL AND COALESCE(TRY_CAST(value AS FLOAT), -1) NOT BETWEEN 0 AND 1000000));
    EXECUTE internal.ListPackages @Packages OUTPUT;
    IF @Message <> N''
    BEGIN
        SET @Message = REPLACE(@Message, N'%', N'%%');
        THROW 50101, @Message, 1;
    END;
END;
