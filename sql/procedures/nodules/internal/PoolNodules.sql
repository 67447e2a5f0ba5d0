-- PoolNodules: makes features of scans of the five highest products of the scores of a detector and its stages, in one transaction. A scan
-- of which a candidate has no score is left out; what is there of it goes, because it is of other candidates. What is the same stays.
-- Called by ScoreNodules, whose tables #scans and #candidates it reads, and whose table #failed it adds to.
CREATE OR ALTER PROCEDURE internal.PoolNodules
    @NetworkId INT,               -- the last stage
    @Layer NVARCHAR(256),         -- nodules, detector and the stages before, with colons between
    @DetectorId INT,              -- the detector
    @Preprocessing NVARCHAR(32),  -- preprocessing by which it searched
    @RunId INT                    -- row of dbo.runs
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @FeatureSetId INT, @Scans NVARCHAR(MAX), @Locked INT, @Message NVARCHAR(2000);
    CREATE TABLE #products (scan_id INT NOT NULL, place INT NOT NULL, score FLOAT NOT NULL, PRIMARY KEY (scan_id, place));
    CREATE TABLE #renewed (scan_id INT NOT NULL PRIMARY KEY);
    CREATE TABLE #pooled (scan_id INT NOT NULL PRIMARY KEY, vector NVARCHAR(400) COLLATE DATABASE_DEFAULT NOT NULL);
    BEGIN TRANSACTION;
    -- First the worklist, then scans and nodules, as StoreFeatures does: what is pooled is what is there when it is stored.
    SET @Locked = (SELECT COUNT(*) FROM dbo.worklist WITH (UPDLOCK, HOLDLOCK) WHERE scan_id IN (SELECT scan_id FROM #scans));
    SET @Locked = (SELECT COUNT(*) FROM dbo.scans WITH (UPDLOCK, HOLDLOCK) WHERE scan_id IN (SELECT scan_id FROM #scans));
    IF NOT EXISTS (SELECT 1 FROM dbo.networks WITH (UPDLOCK, HOLDLOCK) WHERE network_id = @NetworkId)
    BEGIN
        ROLLBACK TRANSACTION;
        SET @Message = N'The network was deleted while it scored. Load it again, or take another one.';
        EXECUTE internal.EndRun @RunId, 0, @Message;
        THROW 50232, @Message, 1;
    END;
    SET @Locked = (SELECT COUNT(*) FROM dbo.nodules WITH (UPDLOCK, HOLDLOCK) WHERE nodule_id IN (SELECT nodule_id FROM #candidates));
    INSERT INTO #failed (scan_id, error)
    SELECT DISTINCT c.scan_id, N'Its slices are not in this database, or it was replaced or searched again meanwhile. Call again.'
    FROM #candidates AS c
    WHERE c.scan_id NOT IN (SELECT scan_id FROM #failed)
        AND NOT EXISTS (SELECT 1 FROM dbo.nodule_scores AS r WHERE r.nodule_id = c.nodule_id AND r.network_id = @NetworkId);
    INSERT INTO #failed (scan_id, error)
    SELECT DISTINCT n.scan_id, N'It was searched again meanwhile. Call again.'
    FROM dbo.nodules AS n
    INNER JOIN #scans AS s ON s.scan_id = n.scan_id
    WHERE n.network_id = @DetectorId AND n.preprocessing = @Preprocessing AND n.nodule_id NOT IN (SELECT nodule_id FROM #candidates)
        AND n.scan_id NOT IN (SELECT scan_id FROM #failed);
    INSERT INTO #products (scan_id, place, score)
    SELECT p.scan_id, p.place, p.score
    FROM (
        SELECT c.scan_id, c.score * r.score AS score, ROW_NUMBER() OVER (PARTITION BY c.scan_id ORDER BY c.score * r.score DESC) AS place
        FROM #candidates AS c
        INNER JOIN dbo.nodule_scores AS r ON r.nodule_id = c.nodule_id AND r.network_id = @NetworkId) AS p
    WHERE p.place <= 5;
    INSERT INTO #pooled (scan_id, vector)
    SELECT s.scan_id,
        CONCAT(N'[', STRING_AGG(CONVERT(NVARCHAR(40), COALESCE(p.score, 0.0), 3), N', ') WITHIN GROUP (ORDER BY k.place), N']')
    FROM #scans AS s
    CROSS JOIN (VALUES (1), (2), (3), (4), (5)) AS k (place)
    LEFT JOIN #products AS p ON p.scan_id = s.scan_id AND p.place = k.place
    WHERE s.scan_id NOT IN (SELECT scan_id FROM #failed)
    GROUP BY s.scan_id;

    INSERT INTO dbo.feature_sets (network_id, layer, preprocessing, width)
    SELECT @NetworkId, @Layer, N'volume', 5
    WHERE NOT EXISTS (
        SELECT 1 FROM dbo.feature_sets AS f WITH (UPDLOCK, HOLDLOCK)
        WHERE f.network_id = @NetworkId AND f.layer = @Layer AND f.preprocessing = N'volume');
    SET @FeatureSetId = (
        SELECT feature_set_id FROM dbo.feature_sets WHERE network_id = @NetworkId AND layer = @Layer AND preprocessing = N'volume');
    INSERT INTO #renewed (scan_id)
    SELECT s.scan_id
    FROM #scans AS s
    LEFT JOIN #pooled AS k ON k.scan_id = s.scan_id
    LEFT JOIN dbo.pooled_features AS p ON p.scan_id = s.scan_id AND p.feature_set_id = @FeatureSetId AND p.pooling = N'top5'
    WHERE COALESCE(k.vector, N'') <> COALESCE(p.vector, N'')
        OR p.vector_sha256 <> HASHBYTES('SHA2_256', CONVERT(VARBINARY(MAX), p.vector));
    DELETE p
    FROM dbo.pooled_features AS p
    INNER JOIN #renewed AS s ON s.scan_id = p.scan_id
    WHERE p.feature_set_id = @FeatureSetId AND p.pooling = N'top5';
    INSERT INTO dbo.pooled_features (scan_id, feature_set_id, pooling, vector, vector_sha256)
    SELECT p.scan_id, @FeatureSetId, N'top5', p.vector, HASHBYTES('SHA2_256', CONVERT(VARBINARY(MAX), CAST(p.vector AS NVARCHAR(MAX))))
    FROM #pooled AS p
    INNER JOIN #renewed AS r ON r.scan_id = p.scan_id
    INNER JOIN dbo.scans AS s ON s.scan_id = p.scan_id
    INNER JOIN #scans AS t ON t.scan_id = s.scan_id AND t.content_sha256 = s.content_sha256;
    SET @Scans = COALESCE((SELECT STRING_AGG(CAST(scan_id AS NVARCHAR(MAX)), N',') FROM #renewed), N'');
    EXECUTE dbo.RefreshWorklist @Scans;
    COMMIT TRANSACTION;
END;
