-- ScoreNewNodules: scores what detectors have found since by the later stages whose features the served models read, in their order. How is
-- what their networks declare of their output. What cannot be called so, because a network declares nothing, is not the newest of its
-- name, was copied without its bytes or is not to be found by its name, is said.
-- Called by GenerateNewFeatures, whose table #served_sets it reads.
CREATE OR ALTER PROCEDURE internal.ScoreNewNodules
    @ChunkMegabytes INT,            -- megabytes of stored slices in one transaction
    @Calls INT OUTPUT,              -- kinds of features, counted on
    @Failed INT OUTPUT,             -- those that failed, likewise
    @Said NVARCHAR(2000) OUTPUT     -- what failed, likewise
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Place INT = 1, @Name NVARCHAR(128), @Detector NVARCHAR(128), @Preprocessing NVARCHAR(32), @After NVARCHAR(MAX),
        @Message NVARCHAR(2000);
    -- Position 1 is the detector.
    CREATE TABLE #stage_parts (
        feature_set_id INT NOT NULL, position INT NOT NULL, part NVARCHAR(256) COLLATE DATABASE_DEFAULT NOT NULL, network_id INT NULL,
        preprocessing NVARCHAR(32) COLLATE DATABASE_DEFAULT NULL, PRIMARY KEY (feature_set_id, position));
    CREATE TABLE #stage_calls (
        place INT IDENTITY(1, 1) NOT NULL PRIMARY KEY, network_id INT NOT NULL, detector_id INT NOT NULL,
        preprocessing NVARCHAR(32) COLLATE DATABASE_DEFAULT NOT NULL, [after] NVARCHAR(MAX) COLLATE DATABASE_DEFAULT NULL);
    CREATE TABLE #left_out (feature_set_id INT NOT NULL PRIMARY KEY);
    INSERT INTO #stage_parts (feature_set_id, position, part)
    SELECT f.feature_set_id, CAST(j.[key] AS INT), LEFT(j.[value], 256)
    FROM (
        SELECT feature_set_id, CONCAT(N'["', REPLACE(STRING_ESCAPE(layer, N'json'), N':', N'","'), N'"]') AS parts
        FROM dbo.feature_sets
        WHERE layer LIKE N'nodules:%' AND feature_set_id IN (SELECT feature_set_id FROM #served_sets)) AS f
    CROSS APPLY OPENJSON(f.parts) AS j
    WHERE j.[key] <> N'0';
    -- As NameStages names them.
    UPDATE s
    SET s.network_id = g.network_id, s.preprocessing = g.preprocessing
    FROM #stage_parts AS s
    INNER JOIN (
        SELECT n.network_id, t.preprocessing, CONCAT(n.name, N' ' + CAST(NULLIF(n.version, 1) AS NVARCHAR(12)),
                N'/' + NULLIF(t.preprocessing, N'volume')) AS part
        FROM dbo.feature_sets AS t
        INNER JOIN dbo.networks AS n ON n.network_id = t.network_id
        WHERE t.layer = N'nodules') AS g ON g.part = s.part
    WHERE s.position = 1;
    UPDATE s
    SET s.network_id = n.network_id
    FROM #stage_parts AS s
    INNER JOIN dbo.networks AS n ON CONCAT(n.name, N' ' + CAST(NULLIF(n.version, 1) AS NVARCHAR(12))) = s.part
    WHERE s.position > 1;
    INSERT INTO #stage_parts (feature_set_id, position, part, network_id)
    SELECT f.feature_set_id, COUNT(*) + 1, N'', f.network_id
    FROM dbo.feature_sets AS f
    INNER JOIN #stage_parts AS s ON s.feature_set_id = f.feature_set_id
    GROUP BY f.feature_set_id, f.network_id;

    INSERT INTO #left_out (feature_set_id)
    SELECT DISTINCT s.feature_set_id
    FROM #stage_parts AS s
    LEFT JOIN dbo.networks AS k ON k.network_id = s.network_id
    WHERE k.network_id IS NULL OR EXISTS (SELECT 1 FROM dbo.networks AS o WHERE o.name = k.name AND o.version > k.version)
        OR (s.position > 1 AND (DATALENGTH(k.model) = 0
            OR COALESCE(JSON_VALUE(k.details, N'$.output.form'), N'') <> N'probability'));
    SET @Message = LEFT((
        SELECT STRING_AGG(CAST(CONCAT(n.name, N'/', f.layer) AS NVARCHAR(MAX)), N', ') WITHIN GROUP (ORDER BY f.feature_set_id)
        FROM #left_out AS e
        INNER JOIN dbo.feature_sets AS f ON f.feature_set_id = e.feature_set_id
        INNER JOIN dbo.networks AS n ON n.network_id = f.network_id), 1500);
    IF @Message IS NOT NULL
        RAISERROR(N'Left to a call of ScoreNodules, as a network declares no output of a stage, has a newer version or no bytes here: %s.',
            0, 1, @Message) WITH NOWAIT;
    DELETE FROM #stage_parts WHERE feature_set_id IN (SELECT feature_set_id FROM #left_out);
    -- The stages before have to have scored what a later one looks at.
    INSERT INTO #stage_calls (network_id, detector_id, preprocessing, [after])
    SELECT c.network_id, c.detector_id, c.preprocessing, c.names
    FROM (
        SELECT DISTINCT s.network_id, d.network_id AS detector_id, d.preprocessing, s.position, (
            SELECT STRING_AGG(CAST(n.name AS NVARCHAR(MAX)), N',') WITHIN GROUP (ORDER BY b.position)
            FROM #stage_parts AS b
            INNER JOIN dbo.networks AS n ON n.network_id = b.network_id
            WHERE b.feature_set_id = s.feature_set_id AND b.position > 1 AND b.position < s.position) AS names
        FROM #stage_parts AS s
        INNER JOIN #stage_parts AS d ON d.feature_set_id = s.feature_set_id AND d.position = 1
        WHERE s.position > 1) AS c
    ORDER BY c.position, c.network_id, c.detector_id;

    WHILE EXISTS (SELECT 1 FROM #stage_calls WHERE place = @Place)
    BEGIN
        SELECT @Name = n.name, @Detector = d.name, @Preprocessing = c.preprocessing, @After = c.[after]
        FROM #stage_calls AS c
        INNER JOIN dbo.networks AS n ON n.network_id = c.network_id
        INNER JOIN dbo.networks AS d ON d.network_id = c.detector_id
        WHERE c.place = @Place;
        SELECT @Place = @Place + 1, @Calls = @Calls + 1;
        BEGIN TRY
            EXECUTE dbo.ScoreNodules @ModelName = @Name, @Detector = @Detector, @DetectorPreprocessing = @Preprocessing, @After = @After,
                @ChunkMegabytes = @ChunkMegabytes;
        END TRY
        BEGIN CATCH
            IF @@TRANCOUNT > 0
                ROLLBACK TRANSACTION;
            SET @Failed = @Failed + 1;
            SET @Said = LEFT(CONCAT(@Said, N' Stage ', @Name, N' of the detector ', @Detector, N': error ', ERROR_NUMBER(), N', ',
                LEFT(ERROR_MESSAGE(), 600)), 1600);
        END CATCH;
    END;
END;
