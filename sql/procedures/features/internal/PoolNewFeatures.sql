-- PoolNewFeatures: pools what the served models read of networks that pool, of the scans that lack it.
-- Called by GenerateNewFeatures, whose table #served_sets it reads.
CREATE OR ALTER PROCEDURE internal.PoolNewFeatures
    @ChunkMegabytes INT,            -- megabytes of features in one transaction
    @Calls INT OUTPUT,              -- kinds of features, counted on
    @Failed INT OUTPUT,             -- those that failed, likewise
    @Said NVARCHAR(2000) OUTPUT     -- what failed, likewise
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Place INT = 1, @Name NVARCHAR(128), @Version INT, @FeatureSetId INT, @IsThere BIT;
    CREATE TABLE #pooled_calls (
        place INT IDENTITY(1, 1) NOT NULL PRIMARY KEY, network_id INT NOT NULL, feature_set_id INT NOT NULL);
    INSERT INTO #pooled_calls (network_id, feature_set_id)
    SELECT DISTINCT k.network_id, w.feature_set_id
    FROM #served_sets AS w
    INNER JOIN dbo.poolings AS k ON k.pooling = w.pooling
    WHERE k.network_id IS NOT NULL;
    WHILE EXISTS (SELECT 1 FROM #pooled_calls WHERE place = @Place)
    BEGIN
        SELECT @Name = n.name, @Version = n.version, @FeatureSetId = c.feature_set_id, @IsThere = IIF(DATALENGTH(n.model) > 0, 1, 0)
        FROM #pooled_calls AS c
        INNER JOIN dbo.networks AS n ON n.network_id = c.network_id
        WHERE c.place = @Place;
        SELECT @Place = @Place + 1, @Calls = @Calls + 1;
        BEGIN TRY
            -- Where features could not be made, those of other scans are there all the same.
            IF @IsThere = 1 AND EXISTS (SELECT 1 FROM dbo.features WHERE feature_set_id = @FeatureSetId AND DATALENGTH(array) > 0)
                EXECUTE dbo.PoolFeatures @ModelName = @Name, @Version = @Version, @FeatureSetId = @FeatureSetId,
                    @ChunkMegabytes = @ChunkMegabytes;
            ELSE IF @IsThere = 0
                RAISERROR(N'A network was copied here without its bytes: it pools where it came from.', 0, 1) WITH NOWAIT;
        END TRY
        BEGIN CATCH
            IF @@TRANCOUNT > 0
                ROLLBACK TRANSACTION;
            SET @Failed = @Failed + 1;
            SET @Said = LEFT(CONCAT(@Said, N' Pooling ', @Name, N':', @Version, N': error ', ERROR_NUMBER(), N', ',
                LEFT(ERROR_MESSAGE(), 600)), 1600);
        END CATCH;
    END;
END;
