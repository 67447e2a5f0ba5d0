-- FeaturizeImages: runs a network over every picture of dbo.images that has no features yet and stores what its layers give.
-- Example: EXECUTE dbo.FeaturizeImages @ModelName = N'demo_resnet';
CREATE OR ALTER PROCEDURE dbo.FeaturizeImages
    @ModelName NVARCHAR(128) = NULL,      -- name of a network in dbo.networks, its newest version; NULL means default_network
    @Layer NVARCHAR(256) = NULL,          -- one or more layers, with commas, each for its own feature set; NULL means penultimate
    @BatchSize INT = 32,                  -- pictures in one run of the network, 1 to 1024
    @ChunkMegabytes INT = 256,            -- megabytes that a transaction sends and gets, 1 to 1024
    @Recompute BIT = 0,                   -- 1 makes the features of every picture again
    @Dataset NVARCHAR(128) = NULL,        -- data set whose pictures alone are featurized; NULL means all pictures
    @DatasetVersion INT = NULL,           -- its version; NULL means the newest
    @Help BIT = 0                         -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.FeaturizeImages runs a network over every picture of dbo.images without features and fills dbo.image_features.
A picture of any size is fitted to what the network reads: its middle is cut out in the shape of the network''s input and resized.
It works in chunks, each stored in a transaction of its own: stopped at any point, it goes on there when called again. A picture counts
with twice the bytes of its file, and 8 bytes for each of its features. What it says on its way is also in dbo.runs and dbo.run_steps.
A picture replaced or removed meanwhile is left out and named.
Parameters:
    @ModelName NVARCHAR(128) = NULL  name of a network in dbo.networks, its newest version; NULL means default_network
    @Layer NVARCHAR(256) = NULL      one or more layers, with commas, each for its own feature set; NULL means penultimate
    @BatchSize INT = 32              pictures in one run of the network, 1 to 1024
    @ChunkMegabytes INT = 256        megabytes that a transaction sends and gets, 1 to 1024
    @Recompute BIT = 0               1 makes the features of every picture again
    @Dataset NVARCHAR(128) = NULL    data set whose pictures alone are featurized; NULL means all pictures
    @DatasetVersion INT = NULL       its version; NULL means the newest
    @Help BIT = 0                    1 prints this help and does nothing else
Examples:
    EXECUTE dbo.FeaturizeImages @ModelName = N''demo_resnet'';
    EXECUTE dbo.FeaturizeImages @ModelName = N''demo_resnet'', @Layer = N''layer3,penultimate'';';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000), @NetworkId INT, @Model VARBINARY(MAX), @Name NVARCHAR(128), @Sha256 VARCHAR(64),
        @Details NVARCHAR(MAX), @DatasetVersionId INT;
    SET @Layer = (SELECT STRING_AGG(LTRIM(RTRIM(value)), N',') FROM STRING_SPLIT(COALESCE(@Layer, N'penultimate'), N','));

    EXECUTE internal.CheckImageArguments @ModelName, @Layer, @BatchSize, @ChunkMegabytes, @Recompute;
    EXECUTE internal.FindImageSet @Dataset, @DatasetVersion, @DatasetVersionId OUTPUT;
    EXECUTE internal.FindNetwork @Model, @ModelName, @NetworkId OUTPUT;
    SELECT @Name = name, @Model = model, @Sha256 = CONVERT(VARCHAR(64), sha256, 2), @Details = details
    FROM dbo.networks
    WHERE network_id = @NetworkId;

    DECLARE @Language NVARCHAR(128), @Providers NVARCHAR(400), @Threads INT, @Provider NVARCHAR(128);
    DECLARE @Notice NVARCHAR(2000), @ErrorNumber INT, @ErrorMessage NVARCHAR(2000);
    EXECUTE internal.ReadSettings @Language OUTPUT, @Providers OUTPUT, @Threads OUTPUT;
    DECLARE @Started DATETIME2(3) = SYSUTCDATETIME(), @Total INT, @Done INT = 0, @RunId INT, @Failed INT,
        @WorkId INT, @Worker NVARCHAR(128), @IsSaid BIT = 0, @CpuSeconds FLOAT, @PeakMegabytes FLOAT, @Arguments NVARCHAR(4000);

    CREATE TABLE #layers (layer INT NOT NULL PRIMARY KEY, name NVARCHAR(256) COLLATE DATABASE_DEFAULT NOT NULL);
    CREATE TABLE #todo (name NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL PRIMARY KEY, bytes BIGINT NOT NULL);
    CREATE TABLE #chunk (place INT NOT NULL PRIMARY KEY, name NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL, bytes BIGINT NOT NULL,
        sha256 VARBINARY(32) NOT NULL);
    CREATE TABLE #failed (
        name NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL PRIMARY KEY, error NVARCHAR(2000) COLLATE DATABASE_DEFAULT NOT NULL,
        is_new BIT NOT NULL);
    CREATE TABLE #result (
        place INT NULL, layer INT NULL, error NVARCHAR(2000) COLLATE DATABASE_DEFAULT NULL, array_rows INT NULL, array_cols INT NULL,
        array VARCHAR(MAX) COLLATE DATABASE_DEFAULT NULL, sha256 VARCHAR(64) COLLATE DATABASE_DEFAULT NULL);

    CREATE TABLE #queue (
        item NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL PRIMARY KEY, position INT NOT NULL, grp INT NOT NULL, bytes BIGINT NOT NULL,
        state VARCHAR(10) COLLATE DATABASE_DEFAULT NOT NULL, attempts INT NOT NULL, error_number INT NULL,
        error NVARCHAR(2000) COLLATE DATABASE_DEFAULT NULL);

    EXECUTE internal.StartImages @NetworkId, @Layer, @Recompute, @DatasetVersionId, @WorkId OUTPUT, @Worker OUTPUT;
    SET @Total = (SELECT COUNT(*) FROM #todo);
    SET @Message = CONCAT(@Name, N', layer ', @Layer, N': ', @Total, N' pictures to do.');
    SET @Arguments = JSON_MODIFY(JSON_MODIFY(JSON_MODIFY(JSON_MODIFY(N'{}', N'$.network', @Name), N'$.layer', @Layer), N'$.dataset',
        @Dataset), N'$.recompute', @Recompute);
    EXECUTE internal.StartRun N'FeaturizeImages', @RunId OUTPUT, @Arguments;
    EXECUTE internal.ReportStep @RunId, @Message, 0, @Total;

    WHILE EXISTS (SELECT 1 FROM #todo)
    BEGIN
        DELETE FROM #result;
        EXECUTE internal.TakeImages @RunId, @WorkId, @Worker, @NetworkId, @ChunkMegabytes, @Total, @Done OUTPUT;
        IF NOT EXISTS (SELECT 1 FROM #chunk)
            CONTINUE;

        INSERT INTO #result (place, layer, error, array_rows, array_cols, array, sha256)
        EXECUTE sp_execute_external_script
            @language = @Language,
            @script = N'
def main(images, network, sha256, details, layers, batch_size, providers, threads):
    from lungdb.procedures import featurize_images, measured
    return measured(featurize_images, images, network, sha256, details, layers, batch_size, providers, threads)

OutputDataSet, Provider, Notice, ErrorNumber, ErrorMessage, CpuSeconds, PeakMegabytes = main(
    InputDataSet, Network, Sha256, Details, Layer, BatchSize, Providers, Threads)
',
            @input_data_1 = N'
SELECT c.place, CONVERT(VARCHAR(MAX), i.image, 2) AS image, CONVERT(VARCHAR(64), i.sha256, 2) AS sha256
FROM #chunk AS c
INNER JOIN dbo.images AS i ON i.name = c.name
WHERE c.bytes <= 1073741824
ORDER BY c.place;',
            @params = N'@Network VARBINARY(MAX), @Sha256 VARCHAR(64), @Details NVARCHAR(MAX), @Layer NVARCHAR(256),
                @BatchSize INT, @Providers NVARCHAR(400), @Threads INT, @Provider NVARCHAR(128) OUTPUT,
                @Notice NVARCHAR(2000) OUTPUT, @ErrorNumber INT OUTPUT, @ErrorMessage NVARCHAR(2000) OUTPUT,
                @CpuSeconds FLOAT OUTPUT, @PeakMegabytes FLOAT OUTPUT',
            @Network = @Model, @Sha256 = @Sha256, @Details = @Details, @Layer = @Layer, @BatchSize = @BatchSize,
            @Providers = @Providers, @Threads = @Threads, @Provider = @Provider OUTPUT, @Notice = @Notice OUTPUT,
            @ErrorNumber = @ErrorNumber OUTPUT, @ErrorMessage = @ErrorMessage OUTPUT,
            @CpuSeconds = @CpuSeconds OUTPUT, @PeakMegabytes = @PeakMegabytes OUTPUT;
        IF @ErrorNumber <> 0
            EXECUTE internal.EndRun @RunId, 0, @ErrorMessage;
        IF @ErrorNumber <> 0
        BEGIN
            SET @Message = REPLACE(@ErrorMessage, N'%', N'%%');
            THROW @ErrorNumber, @Message, 1;
        END;
        IF @Notice <> N'' AND @IsSaid = 0
            EXECUTE internal.ReportStep @RunId, @Notice;
        SET @IsSaid = 1;

        EXECUTE internal.StoreImageFeatures @RunId, @WorkId, @Worker, @NetworkId;
        EXECUTE internal.ReportFailedImages @RunId;

        EXECUTE internal.ReportImages @RunId, @Provider, @Started, @Total, @CpuSeconds, @PeakMegabytes, @Done OUTPUT;
    END;

    SET @Failed = (SELECT COUNT(*) FROM #failed);
    SET @Message = NULL;
    IF @Failed > 0
        SET @Message = REPLACE(LEFT(CONCAT(@Failed, N' of ', @Total, N' pictures failed and have no features: ', (
                SELECT STRING_AGG(CONCAT(N'''', f.name, N''': ', LEFT(f.error, 200)), N' ') WITHIN GROUP (ORDER BY f.name)
                FROM (SELECT TOP (5) name, error FROM #failed ORDER BY name) AS f),
            IIF(@Failed > 5, N' …', N''), N' dbo.run_steps has all of them, under run_id ', @RunId,
            N'. The others are stored. Load those again and call FeaturizeImages again.'), 1900), N'%', N'%%');
    EXECUTE internal.EndRun @RunId, @Failed, @Message;
    IF @Failed > 0
        THROW 50120, @Message, 1;
END;
