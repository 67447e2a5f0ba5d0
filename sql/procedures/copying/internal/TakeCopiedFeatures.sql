-- TakeCopiedFeatures: finds the features that the model in #copy_model reads, or makes them: networks by their SHA-256, without their
-- bytes, those that pool too, the steps of their preprocessings, their feature sets, and of a model that reads combined features the set
-- of the same parts;
-- inside the caller's transaction.
-- Called by TakeCopiedModel. The script's tables #copy_model and #copy_parts are read.
CREATE OR ALTER PROCEDURE internal.TakeCopiedFeatures
    @FeatureSetId INT OUTPUT -- the feature set
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Name NVARCHAR(256), @Free NVARCHAR(256), @Other INT = 1, @Wanted NVARCHAR(MAX);
    -- A pooling is called by the name and the version of its network, which must mean the same here.
    SET @Message = (
        SELECT CONCAT(N'The network ''', MIN(p.pooler_name), N''' is another one here than where the model comes from, whose pooling is ',
            N'called by it. Copy into a database without it.')
        FROM #copy_parts AS p
        INNER JOIN dbo.networks AS n WITH (UPDLOCK, HOLDLOCK) ON n.name = p.pooler_name AND n.version = p.pooler_version
        WHERE n.sha256 <> p.pooler_sha256
        HAVING COUNT(*) > 0);
    IF @Message IS NOT NULL
        THROW 50155, @Message, 1;
    INSERT INTO dbo.networks (name, version, library, model, sha256, details)
    SELECT p.pooler_name, p.pooler_version, N'pooling', 0x, p.pooler_sha256, p.pooler_details
    FROM #copy_parts AS p
    WHERE p.pooler_name IS NOT NULL
        AND p.position = (
            SELECT MIN(b.position) FROM #copy_parts AS b WHERE b.pooler_name = p.pooler_name AND b.pooler_version = p.pooler_version)
        AND NOT EXISTS (
            SELECT 1 FROM dbo.networks AS n WITH (UPDLOCK, HOLDLOCK) WHERE n.name = p.pooler_name AND n.version = p.pooler_version);
    CREATE TABLE #sets (position INT NOT NULL PRIMARY KEY, network_id INT NULL, feature_set_id INT NULL);
    INSERT INTO dbo.networks (name, version, library, model, sha256, details)
    SELECT g.network_name, ROW_NUMBER() OVER (PARTITION BY g.network_name ORDER BY g.position)
            + (SELECT COALESCE(MAX(n.version), 0) FROM dbo.networks AS n WITH (UPDLOCK, HOLDLOCK) WHERE n.name = g.network_name),
        g.network_library, 0x, g.network_sha256, g.network_details
    FROM #copy_parts AS g
    WHERE g.position = (SELECT MIN(b.position) FROM #copy_parts AS b WHERE b.network_sha256 = g.network_sha256)
        AND NOT EXISTS (SELECT 1 FROM dbo.networks AS n WITH (UPDLOCK, HOLDLOCK) WHERE n.sha256 = g.network_sha256);
    INSERT INTO #sets (position, network_id)
    SELECT p.position, (SELECT MIN(n.network_id) FROM dbo.networks AS n WHERE n.sha256 = p.network_sha256) FROM #copy_parts AS p;
    SET @Message = (
        SELECT CONCAT(N'The preprocessing ''', MIN(p.preprocessing), N''' has other steps here than where the model comes from, and ',
            N'what is stored never changes. Copy into a database without it.')
        FROM #copy_parts AS p
        INNER JOIN dbo.preprocessings AS r WITH (UPDLOCK, HOLDLOCK) ON r.name = p.preprocessing
        WHERE r.digest <> HASHBYTES('SHA2_256', p.steps)
        HAVING COUNT(*) > 0);
    IF @Message IS NOT NULL
        THROW 50392, @Message, 1;
    INSERT INTO dbo.preprocessings (name, steps, digest)
    SELECT DISTINCT p.preprocessing, p.steps, HASHBYTES('SHA2_256', p.steps)
    FROM #copy_parts AS p
    WHERE p.steps IS NOT NULL AND NOT EXISTS (SELECT 1 FROM dbo.preprocessings AS r WHERE r.name = p.preprocessing);
    INSERT INTO dbo.feature_sets (network_id, layer, preprocessing, width)
    SELECT DISTINCT s.network_id, p.layer, p.preprocessing, p.feature_set_width
    FROM #copy_parts AS p
    INNER JOIN #sets AS s ON s.position = p.position
    WHERE p.network_sha256 IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM dbo.feature_sets AS f
        WHERE f.network_id = s.network_id AND f.layer = p.layer AND f.preprocessing = p.preprocessing);
    UPDATE s
    SET s.feature_set_id = f.feature_set_id
    FROM #sets AS s
    INNER JOIN #copy_parts AS p ON p.position = s.position
    INNER JOIN dbo.feature_sets AS f ON f.network_id = s.network_id AND f.layer = p.layer AND f.preprocessing = p.preprocessing;
    SET @Message = (
        SELECT CONCAT(N'The feature set ', MIN(f.feature_set_id), N' has another width here than where the model comes from. ',
            N'Correct it in dbo.feature_sets where it is wrong, and copy again.')
        FROM #copy_parts AS p
        INNER JOIN #sets AS s ON s.position = p.position
        INNER JOIN dbo.feature_sets AS f ON f.feature_set_id = s.feature_set_id
        WHERE f.width <> p.feature_set_width
        HAVING COUNT(*) > 0);
    IF @Message IS NOT NULL
        THROW 50155, @Message, 1;
    SET @Name = (SELECT combined FROM #copy_model);
    IF @Name IS NULL
    BEGIN
        SET @FeatureSetId = (SELECT feature_set_id FROM #sets);
        RETURN 0;
    END;

    SET @Wanted = (
        SELECT STRING_AGG(CONCAT(CAST(N'' AS NVARCHAR(MAX)), s.feature_set_id, N'|', p.pooling, N'|', p.source, N'|', p.column_name),
            NCHAR(10)) WITHIN GROUP (ORDER BY p.position)
        FROM #copy_parts AS p
        INNER JOIN #sets AS s ON s.position = p.position);
    SET @FeatureSetId = (
        SELECT MIN(m.feature_set_id)
        FROM (
            SELECT feature_set_id, STRING_AGG(CONCAT(CAST(N'' AS NVARCHAR(MAX)), part_feature_set_id, N'|', pooling, N'|', source, N'|',
                column_name), NCHAR(10)) WITHIN GROUP (ORDER BY position) AS made
            FROM dbo.feature_parts WITH (UPDLOCK, HOLDLOCK)
            GROUP BY feature_set_id) AS m
        WHERE m.made = @Wanted);
    IF @FeatureSetId IS NOT NULL
        RETURN 0;
    SET @Free = @Name;
    WHILE EXISTS (SELECT 1 FROM dbo.feature_sets WITH (UPDLOCK, HOLDLOCK) WHERE network_id IS NULL AND layer = @Free)
    BEGIN
        SET @Other = @Other + 1;
        SET @Free = CONCAT(LEFT(@Name, 244), N' (', @Other, N')');
    END;
    INSERT INTO dbo.feature_sets (network_id, layer, preprocessing, width)
    SELECT NULL, @Free, N'combined', SUM(width) FROM #copy_parts;
    SET @FeatureSetId = SCOPE_IDENTITY();
    INSERT INTO dbo.feature_parts (feature_set_id, position, part_feature_set_id, pooling, source, column_name, first_index, width)
    SELECT @FeatureSetId, p.position, s.feature_set_id, p.pooling, p.source, p.column_name, p.first_index, p.width
    FROM #copy_parts AS p
    INNER JOIN #sets AS s ON s.position = p.position;
END;
