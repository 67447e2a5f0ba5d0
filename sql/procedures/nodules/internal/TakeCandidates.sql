-- TakeCandidates: takes the candidates of a detector in some scans, each with the product of its score and those of later stages. Scans
-- that the detector has not searched, or whose candidates a stage has not scored, are refused, and so are candidates of other pixels.
-- Called by EvaluateNodules and ScoreNodules, whose table #candidates it fills, and whose tables #scans and #stages it reads.
CREATE OR ALTER PROCEDURE internal.TakeCandidates
    @NetworkId INT,               -- the detector
    @Preprocessing NVARCHAR(32)   -- preprocessing by which it searched
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Number INT, @Count INT, @Scans NVARCHAR(200), @Position INT, @StageId INT, @Stage NVARCHAR(128);
    DECLARE @Detector NVARCHAR(128) = (SELECT name FROM dbo.networks WHERE network_id = @NetworkId);
    CREATE TABLE #lacking (scan_id INT NOT NULL PRIMARY KEY);

    INSERT INTO #lacking (scan_id)
    SELECT s.scan_id
    FROM #scans AS s
    WHERE NOT EXISTS (
        SELECT 1
        FROM dbo.features AS f
        INNER JOIN dbo.feature_sets AS t ON t.feature_set_id = f.feature_set_id
        WHERE f.scan_id = s.scan_id AND t.network_id = @NetworkId AND t.layer = N'nodules' AND t.preprocessing = @Preprocessing);
    IF EXISTS (SELECT 1 FROM #lacking)
        SELECT @Number = 50140, @Message = CONCAT(N' have not been searched by the detector ''', @Detector, N''' with the preprocessing ''',
            @Preprocessing, N'''. Call EXECUTE dbo.GenerateFeatures @ModelName = N''', @Detector, N''', @Layer = N''nodules'', ',
            N'@Pooling = N''top5'', @Preprocessing = N''', @Preprocessing, N'''; first.');
    ELSE
    BEGIN
        INSERT INTO #lacking (scan_id)
        SELECT DISTINCT n.scan_id
        FROM dbo.nodules AS n
        INNER JOIN #scans AS s ON s.scan_id = n.scan_id
        WHERE n.network_id = @NetworkId AND n.preprocessing = @Preprocessing AND n.content_sha256 <> s.content_sha256;
        IF EXISTS (SELECT 1 FROM #lacking)
            SELECT @Number = 50274, @Message = CONCAT(N' were replaced since the detector ''', @Detector,
                N''' searched them. Call GenerateFeatures with @Recompute = 1.');
    END;
    IF @Message IS NULL
    BEGIN
        INSERT INTO #candidates (nodule_id, scan_id, x, y, z, score)
        SELECT n.nodule_id, n.scan_id, n.x, n.y, n.z, COALESCE(n.score, 0)
        FROM dbo.nodules AS n
        INNER JOIN #scans AS s ON s.scan_id = n.scan_id
        WHERE n.network_id = @NetworkId AND n.preprocessing = @Preprocessing;
        SET @Position = (SELECT MIN(position) FROM #stages);
    END;
    WHILE @Position IS NOT NULL AND @Message IS NULL
    BEGIN
        SELECT @StageId = network_id, @Stage = name FROM #stages WHERE position = @Position;
        INSERT INTO #lacking (scan_id)
        SELECT DISTINCT c.scan_id
        FROM #candidates AS c
        WHERE NOT EXISTS (SELECT 1 FROM dbo.nodule_scores AS r WHERE r.nodule_id = c.nodule_id AND r.network_id = @StageId);
        IF EXISTS (SELECT 1 FROM #lacking)
            SELECT @Number = 50140, @Message = CONCAT(N' have candidates that the stage ''', @Stage, N''' has not scored. ',
                N'Call EXECUTE dbo.ScoreNodules @ModelName = N''', @Stage, N''', @Detector = N''', @Detector,
                N''', @DetectorPreprocessing = N''', @Preprocessing, N'''; first.');
        UPDATE c
        SET c.score = c.score * r.score
        FROM #candidates AS c
        INNER JOIN dbo.nodule_scores AS r ON r.nodule_id = c.nodule_id AND r.network_id = @StageId;
        SET @Position = (SELECT MIN(position) FROM #stages WHERE position > @Position);
    END;
    IF @Message IS NULL
        RETURN 0;
    SET @Count = (SELECT COUNT(*) FROM #lacking);
    SET @Scans = (
        SELECT STRING_AGG(CAST(t.scan_id AS NVARCHAR(MAX)), N', ') WITHIN GROUP (ORDER BY t.scan_id)
        FROM (SELECT TOP (5) scan_id FROM #lacking ORDER BY scan_id) AS t);
    SET @Message = REPLACE(CONCAT(@Count, N' scans (scan_id ', @Scans, IIF(@Count > 5, N', …', N''), N')', @Message), N'%', N'%%');
    THROW @Number, @Message, 1;
END;
