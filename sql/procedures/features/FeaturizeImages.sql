-- FeaturizeImages: runs a network over every picture of dbo.images that has no features yet and stores what its layers give.
-- Example: EXECUTE dbo.FeaturizeImages @ModelName = N'demo_resnet';
CREATE OR ALTER PROCEDURE dbo.FeaturizeImages
    @ModelName NVARCHAR(128) = NULL,      -- name of a network in dbo.networks; the newest version is taken
    @Layer NVARCHAR(256) = NULL,          -- one or more layers, with commas, each for its own feature set; NULL means penultimate
    @BatchSize INT = 32,                  -- pictures in one run of the network, 1 to 1024
    @ChunkMegabytes INT = 256,            -- megabytes of picture files in one transaction, each counting 64 kB more, 1 to 1024
    @Recompute BIT = 0,                   -- 1 makes the features of every picture again
    @Help BIT = 0                         -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.FeaturizeImages runs a network over every picture of dbo.images without features and fills dbo.image_features.
A picture of any size is fitted to what the network reads: its middle is cut out in the shape of the network''s input and resized.
It works in chunks, each stored in a transaction of its own: stopped at any point, it goes on there when called again.
Parameters:
    @ModelName NVARCHAR(128) = NULL  name of a network in dbo.networks; the newest version is taken
    @Layer NVARCHAR(256) = NULL      one or more layers, with commas, each for its own feature set; NULL means penultimate
    @BatchSize INT = 32              pictures in one run of the network, 1 to 1024
    @ChunkMegabytes INT = 256        megabytes of picture files in one transaction, each counting 64 kB more, 1 to 1024
    @Recompute BIT = 0               1 makes the features of every picture again
    @Help BIT = 0                    1 prints this help and does nothing else
Examples:
    EXECUTE dbo.FeaturizeImages @ModelName = N''demo_resnet'';
    EXECUTE dbo.FeaturizeImages @ModelName = N''demo_resnet'', @Layer = N''layer3,penultimate'';';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000), @NetworkId INT, @Model VARBINARY(MAX), @Name NVARCHAR(128), @Sha256 VARCHAR(64),
        @Details NVARCHAR(MAX);
    SET @Layer = (SELECT STRING_AGG(LTRIM(RTRIM(value)), N',') FROM STRING_SPLIT(COALESCE(@Layer, N'penultimate'), N','));

    EXECUTE internal.CheckImageArguments @ModelName, @Layer, @BatchSize, @ChunkMegabytes, @Recompute;
    EXECUTE internal.FindNetwork @Model, @ModelName, @NetworkId OUTPUT;
    SELECT @Name = name, @Model = model, @Sha256 = CONVERT(VARCHAR(64), sha256, 2), @Details = details
    FROM dbo.networks
    WHERE network_id = @NetworkId;

    DECLARE @Language NVARCHAR(128), @Providers NVARCHAR(400), @Threads INT, @Provider NVARCHAR(128);
    DECLARE @Notice NVARCHAR(2000), @ErrorNumber INT, @ErrorMessage NVARCHAR(2000);
    EXECUTE internal.ReadSettings @Language OUTPUT, @Providers OUTPUT, @Threads OUTPUT;
    DECLARE @Started DATETIME2(3) = SYSUTCDATETIME(), @Total INT, @Done INT = 0, @Rate INT, @Left INT;

    CREATE TABLE #todo (name NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL PRIMARY KEY, bytes BIGINT NOT NULL);
    CREATE TABLE #chunk (name NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL PRIMARY KEY);
    CREATE TABLE #failed (name NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL PRIMARY KEY, error NVARCHAR(2000) NOT NULL,
        is_new BIT NOT NULL);
    CREATE TABLE #result (
        name NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL, layer NVARCHAR(256) COLLATE DATABASE_DEFAULT NULL, error NVARCHAR(2000) NULL,
        array_rows INT NULL, array_cols INT NULL, array VARCHAR(MAX) NULL, sha256 VARCHAR(64) NULL);

    -- What a small picture costs is its features, which travel as text.
    INSERT INTO #todo (name, bytes)
    SELECT i.name, CAST(DATALENGTH(i.image) AS BIGINT) + 64000
    FROM dbo.images AS i
    WHERE @Recompute = 1 OR (SELECT COUNT(*) FROM STRING_SPLIT(@Layer, N',')) > (
        SELECT COUNT(*)
        FROM dbo.image_features AS f
        INNER JOIN dbo.feature_sets AS s ON s.feature_set_id = f.feature_set_id
        WHERE f.name = i.name AND s.network_id = @NetworkId AND s.preprocessing = N'image'
            AND s.layer IN (SELECT value FROM STRING_SPLIT(@Layer, N',')));
    SET @Total = (SELECT COUNT(*) FROM #todo);
    RAISERROR(N'%s, layer %s: %d pictures to do.', 0, 1, @Name, @Layer, @Total) WITH NOWAIT;

    WHILE EXISTS (SELECT 1 FROM #todo)
    BEGIN
        DELETE FROM #chunk;
        DELETE FROM #result;
        INSERT INTO #chunk (name)
        SELECT t.name
        FROM (
            SELECT name, SUM(bytes) OVER (ORDER BY name ROWS UNBOUNDED PRECEDING) AS bytes_so_far,
                ROW_NUMBER() OVER (ORDER BY name) AS position
            FROM #todo) AS t
        WHERE t.position = 1 OR t.bytes_so_far <= CAST(@ChunkMegabytes AS BIGINT) * 1000000;

        INSERT INTO #result (name, layer, error, array_rows, array_cols, array, sha256)
        EXECUTE sp_execute_external_script
            @language = @Language,
            @script = N'
def main(images, network, sha256, details, layers, batch_size, providers, threads):
    from lungdb.procedures import featurize_images
    return featurize_images(images, network, sha256, details, layers, batch_size, providers, threads)

OutputDataSet, Provider, Notice, ErrorNumber, ErrorMessage = main(
    InputDataSet, Network, Sha256, Details, Layer, BatchSize, Providers, Threads)
',
            @input_data_1 = N'
SELECT i.name, CONVERT(VARCHAR(MAX), i.image, 2) AS image, CONVERT(VARCHAR(64), i.sha256, 2) AS sha256
FROM #chunk AS c
INNER JOIN dbo.images AS i ON i.name = c.name
ORDER BY i.name;',
            @params = N'@Network VARBINARY(MAX), @Sha256 VARCHAR(64), @Details NVARCHAR(MAX), @Layer NVARCHAR(256),
                @BatchSize INT, @Providers NVARCHAR(400), @Threads INT, @Provider NVARCHAR(128) OUTPUT,
                @Notice NVARCHAR(2000) OUTPUT, @ErrorNumber INT OUTPUT, @ErrorMessage NVARCHAR(2000) OUTPUT',
            @Network = @Model, @Sha256 = @Sha256, @Details = @Details, @Layer = @Layer, @BatchSize = @BatchSize,
            @Providers = @Providers, @Threads = @Threads, @Provider = @Provider OUTPUT, @Notice = @Notice OUTPUT,
            @ErrorNumber = @ErrorNumber OUTPUT, @ErrorMessage = @ErrorMessage OUTPUT;
        -- Not every runtime tells an empty text from NULL.
        UPDATE #result SET error = N'' WHERE error IS NULL;
        IF @ErrorNumber <> 0
        BEGIN
            SET @Message = REPLACE(@ErrorMessage, N'%', N'%%');
            THROW @ErrorNumber, @Message, 1;
        END;
        IF @Notice <> N'' AND @Done = 0
            RAISERROR(N'%s', 0, 1, @Notice) WITH NOWAIT;

        BEGIN TRANSACTION;
        EXECUTE internal.StoreImageFeatures @NetworkId;
        COMMIT TRANSACTION;

        INSERT INTO #failed (name, error, is_new)
        SELECT c.name, COALESCE(r.error, N'It is no longer in dbo.images. Load it again.'), 1
        FROM #chunk AS c
        LEFT JOIN #result AS r ON r.name = c.name
        WHERE r.name IS NULL OR r.error <> N'';
        EXECUTE internal.ReportFailedImages;

        SET @Done = @Done + (SELECT COUNT(*) FROM #chunk);
        DELETE t FROM #todo AS t INNER JOIN #chunk AS c ON c.name = t.name;
        SET @Rate = 1000.0 * @Done / (DATEDIFF(MILLISECOND, @Started, SYSUTCDATETIME()) + 1);
        SET @Left = (@Total - @Done) / (@Rate + 1);
        RAISERROR(N'%d of %d pictures done on %s, %d pictures per second, about %d seconds left.', 0, 1, @Done, @Total, @Provider, @Rate,
            @Left) WITH NOWAIT;
    END;

    IF EXISTS (SELECT 1 FROM #failed)
    BEGIN
        SET @Message = CONCAT((SELECT COUNT(*) FROM #failed), N' of ', @Total, N' pictures failed and have no features; ',
            N'the messages above name them. The others are stored. Load those again and call FeaturizeImages again.');
        THROW 50120, @Message, 1;
    END;
END;
