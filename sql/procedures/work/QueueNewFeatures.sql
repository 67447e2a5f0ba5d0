-- QueueNewFeatures: puts the scans into the queue that lack the features which the served models read, and makes none itself.
-- Example: EXECUTE dbo.QueueNewFeatures;
CREATE OR ALTER PROCEDURE dbo.QueueNewFeatures
    @ModelName NVARCHAR(128) = NULL, -- name of a model in dbo.classifiers whose features are queued; NULL means those of all
    @Help BIT = 0                    -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.QueueNewFeatures queues what GenerateNewFeatures would make, for workers beside the server (lungdb work): of every scan
that lacks them, the features that the served versions of the models read, also of combined features and of an
ensemble''s members; where no model is served yet, those of the setting default_network. It needs no Python there.
It returns what QueueFeatures does, a result for each kind of features: work_id, scans that were put there, scans that
are open. What cannot be queued is named at the end, in one error; the rest is queued. Features of an older version of a
network cannot: GenerateNewFeatures makes them.
Parameters:
    @ModelName NVARCHAR(128) = NULL  name of a model in dbo.classifiers whose features are queued; NULL means those of all
    @Help BIT = 0                    1 prints this help and does nothing else
Example:
    EXECUTE dbo.QueueNewFeatures;';
        RETURN 0;
    END;

    DECLARE @Place INT = 1, @Calls INT, @Failed INT = 0, @Said NVARCHAR(2000) = N'', @Message NVARCHAR(2000), @Name NVARCHAR(128),
        @Layers NVARCHAR(256), @Preprocessing NVARCHAR(32), @Poolings NVARCHAR(128), @IsNewest BIT, @IsThere BIT;
    CREATE TABLE #served (
        place INT NOT NULL PRIMARY KEY, name NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL, classifier_id INT NOT NULL,
        version INT NOT NULL);
    CREATE TABLE #served_sets (feature_set_id INT NOT NULL, pooling NVARCHAR(32) COLLATE DATABASE_DEFAULT NOT NULL);
    CREATE TABLE #feature_calls (
        place INT IDENTITY(1, 1) NOT NULL PRIMARY KEY, network_id INT NOT NULL,
        preprocessing NVARCHAR(32) COLLATE DATABASE_DEFAULT NOT NULL, layer NVARCHAR(256) COLLATE DATABASE_DEFAULT NOT NULL,
        poolings NVARCHAR(MAX) COLLATE DATABASE_DEFAULT NOT NULL);
    EXECUTE internal.RefuseTransaction N'QueueNewFeatures';
    EXECUTE internal.TakeServed @ModelName;
    EXECUTE internal.PlanNewFeatures;
    SET @Calls = (SELECT COUNT(*) FROM #feature_calls);
    IF EXISTS (
        SELECT 1 FROM dbo.feature_sets WHERE layer LIKE N'nodules:%' AND feature_set_id IN (SELECT feature_set_id FROM #served_sets))
        RAISERROR(N'Later stages of detectors are not queued: call GenerateNewFeatures once the queue is done.', 0, 1) WITH NOWAIT;
    IF @Calls = 0
        RAISERROR(N'No served model reads features of a network, and the setting default_network names none: nothing to queue.', 0, 1)
            WITH NOWAIT;

    WHILE @Place <= @Calls
    BEGIN
        SELECT @Name = n.name, @Layers = c.layer, @Preprocessing = c.preprocessing, @Poolings = c.poolings,
            @IsThere = IIF(DATALENGTH(n.model) > 0, 1, 0),
            @IsNewest = IIF(EXISTS (SELECT 1 FROM dbo.networks AS k WHERE k.name = n.name AND k.version > n.version), 0, 1)
        FROM #feature_calls AS c
        INNER JOIN dbo.networks AS n ON n.network_id = c.network_id
        WHERE c.place = @Place;
        BEGIN TRY
            IF @IsThere = 0
                RAISERROR(N'A network was copied here without its bytes: its features are made where they came from.', 0, 1) WITH NOWAIT;
            ELSE IF @IsNewest = 0
                THROW 50101, N'Only features of a network''s newest version are queued. GenerateNewFeatures makes those of older ones.', 1;
            ELSE
                EXECUTE dbo.QueueFeatures @ModelName = @Name, @Layer = @Layers, @Preprocessing = @Preprocessing, @Pooling = @Poolings;
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
    IF @Failed > 0
    BEGIN
        SET @Message = REPLACE(CONCAT(@Failed, N' of ', @Calls, N' kinds of features could not be queued; the others are.', @Said),
            N'%', N'%%');
        THROW 50471, @Message, 1;
    END;
END;
