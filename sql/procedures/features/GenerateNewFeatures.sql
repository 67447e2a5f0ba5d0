-- GenerateNewFeatures: makes the features that the served models read of the scans that lack them.
-- Example: EXECUTE dbo.GenerateNewFeatures;
CREATE OR ALTER PROCEDURE dbo.GenerateNewFeatures
    @ModelName NVARCHAR(128) = NULL, -- name of a model in dbo.classifiers whose features are made; NULL means those of all
    @BatchSize INT = 32,             -- triples of slices in one run of the network, 1 to 1024
    @ChunkMegabytes INT = 64,        -- megabytes of stored slices in one transaction, 1 to 512
    @Help BIT = 0                    -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.GenerateNewFeatures is what a nightly job calls before ScoreNewScans: by GenerateFeatures it makes, of every scan that
lacks them, the features that the served versions of the models read: network, layer, preprocessing and pooling, also of combined
features and of an ensemble''s members. Later stages of a detector, by ScoreNodules, are among them where their networks declare what makes
a probability of their output (lungdb load-network --stage). Where no model is served yet, it makes those of the setting default_network.
Stopped at any point, it goes on there when called again. What failed is named at the end, in one error; the rest is stored.
Parameters:
    @ModelName NVARCHAR(128) = NULL  name of a model in dbo.classifiers whose features are made; NULL means those of all
    @BatchSize INT = 32              triples of slices in one run of the network, 1 to 1024
    @ChunkMegabytes INT = 64         megabytes of stored slices in one transaction, 1 to 512
    @Help BIT = 0                    1 prints this help and does nothing else
Example:
    EXECUTE dbo.GenerateNewFeatures;';
        RETURN 0;
    END;

    DECLARE @Place INT = 1, @Calls INT, @Failed INT = 0, @Said NVARCHAR(2000) = N'', @Message NVARCHAR(2000), @Model VARBINARY(MAX),
        @Name NVARCHAR(128), @Version INT, @Layers NVARCHAR(256), @Preprocessing NVARCHAR(32), @Poolings NVARCHAR(128), @IsThere BIT;
    CREATE TABLE #served (
        place INT NOT NULL PRIMARY KEY, name NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL, classifier_id INT NOT NULL,
        version INT NOT NULL);
    CREATE TABLE #served_sets (feature_set_id INT NOT NULL, pooling NVARCHAR(32) COLLATE DATABASE_DEFAULT NOT NULL);
    CREATE TABLE #feature_calls (
        place INT IDENTITY(1, 1) NOT NULL PRIMARY KEY, network_id INT NOT NULL,
        preprocessing NVARCHAR(32) COLLATE DATABASE_DEFAULT NOT NULL, layer NVARCHAR(256) COLLATE DATABASE_DEFAULT NOT NULL,
        poolings NVARCHAR(MAX) COLLATE DATABASE_DEFAULT NOT NULL);
    IF @BatchSize IS NULL OR @BatchSize NOT BETWEEN 1 AND 1024
        SET @Message = CONCAT(N'The value ', COALESCE(CAST(@BatchSize AS NVARCHAR(12)), N'NULL'),
            N' for the parameter @BatchSize is not supported. Supported values are 1 to 1024. ');
    IF @ChunkMegabytes IS NULL OR @ChunkMegabytes NOT BETWEEN 1 AND 512
        SET @Message = CONCAT(@Message, N'The value ', COALESCE(CAST(@ChunkMegabytes AS NVARCHAR(12)), N'NULL'),
            N' for the parameter @ChunkMegabytes is not supported. Supported values are 1 to 512.');
    IF @Message IS NOT NULL
        THROW 50101, @Message, 1;
    EXECUTE internal.RefuseTransaction N'GenerateNewFeatures';
    EXECUTE internal.TakeServed @ModelName;
    EXECUTE internal.PlanNewFeatures;
    SET @Calls = (SELECT COUNT(*) FROM #feature_calls);
    IF @Calls = 0
        RAISERROR(N'No served model reads features of a network, and the setting default_network names none: nothing to make.', 0, 1)
            WITH NOWAIT;

    WHILE @Place <= @Calls
    BEGIN
        SELECT @Name = n.name, @Version = n.version, @Model = n.model, @Layers = c.layer, @Preprocessing = c.preprocessing,
            @Poolings = c.poolings, @IsThere = IIF(DATALENGTH(n.model) > 0, 1, 0)
        FROM #feature_calls AS c
        INNER JOIN dbo.networks AS n ON n.network_id = c.network_id
        WHERE c.place = @Place;
        -- A name is its newest version; of an older one the bytes say which.
        IF NOT EXISTS (SELECT 1 FROM dbo.networks WHERE name = @Name AND version > @Version)
            SET @Model = NULL;
        ELSE
            SET @Name = NULL;
        BEGIN TRY
            IF @IsThere = 1
                EXECUTE dbo.GenerateFeatures @Model = @Model, @ModelName = @Name, @Layer = @Layers, @Preprocessing = @Preprocessing,
                    @Pooling = @Poolings, @BatchSize = @BatchSize, @ChunkMegabytes = @ChunkMegabytes;
            ELSE
                RAISERROR(N'A network was copied here without its bytes: its features are made where they came from.', 0, 1) WITH NOWAIT;
        END TRY
        BEGIN CATCH
            IF @@TRANCOUNT > 0
                ROLLBACK TRANSACTION;
            SET @Failed = @Failed + 1;
            SET @Said = LEFT(CONCAT(@Said, N' Layer ', @Layers, N', preprocessing ', @Preprocessing, N', pooling ', @Poolings, N': error ',
                ERROR_NUMBER(), N', ', LEFT(ERROR_MESSAGE(), 600)), 1600);
        END CATCH;
        SET @Place = @Place + 1;
    END;
    EXECUTE internal.ScoreNewNodules @ChunkMegabytes, @Calls OUTPUT, @Failed OUTPUT, @Said OUTPUT;
    EXECUTE internal.PoolNewFeatures @ChunkMegabytes, @Calls OUTPUT, @Failed OUTPUT, @Said OUTPUT;
    IF @Failed > 0
    BEGIN
        SET @Message = REPLACE(CONCAT(@Failed, N' of ', @Calls, N' kinds of features could not be made of all scans; what is made is kept.',
            @Said, N' Call GenerateFeatures, ScoreNodules or PoolFeatures for each to see all of its error.'), N'%', N'%%');
        THROW 50471, @Message, 1;
    END;
END;
