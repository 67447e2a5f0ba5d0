-- ScoreNodules: a later stage: scores the crop around each candidate that a detector has found, and pools what comes of it for each scan.
-- Example: EXECUTE dbo.ScoreNodules @ModelName = N'false_alarms', @Detector = N'my_detector', @Activation = N'sigmoid';
CREATE OR ALTER PROCEDURE dbo.ScoreNodules
    @ModelName NVARCHAR(128) = NULL,                 -- network of volumes that reads crops, in dbo.networks; needed
    @Detector NVARCHAR(128) = NULL,                  -- detector whose candidates are scored; needed
    @DetectorPreprocessing NVARCHAR(32) = N'volume', -- preprocessing by which it searched
    @After NVARCHAR(1000) = NULL,                    -- stages before, with commas between, whose scores are multiplied, too
    @Activation NVARCHAR(16) = NULL,                 -- what makes a probability of its output: none, sigmoid or softmax; NULL: as declared
    @Class INT = NULL,                               -- number of its output that is meant, from 0; NULL means as declared, else the last
    @Dataset NVARCHAR(128) = NULL,                   -- data set of scans; NULL means all that the detector has searched
    @DatasetVersion INT = NULL,                      -- its version; NULL means the newest
    @BatchSize INT = 16,                             -- crops in one run of the network, 1 to 1024
    @ChunkMegabytes INT = 256,                       -- megabytes of stored slices in one transaction, 1 to 512
    @Recompute BIT = 0,                              -- 1 scores all candidates again
    @Help BIT = 0                                    -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.ScoreNodules runs a network over the crop around each candidate of a detector and fills dbo.nodule_scores.
Crops have the spacing, size, orientation and window that the network was loaded with; outside of the scan is air. The scores of detector,
stages before and this one are multiplied, and the five highest of a scan become features: the network''s layer nodules:DETECTOR, with
:STAGE for each stage before, with the pooling top5, which @Algorithm = N''noisy_or'' learns a patient''s score from. A version above 1
stands behind a name, with a blank between, and a preprocessing of the detector other than volume behind a slash. It works in chunks of
scans, each stored in a transaction of its own: stopped at any point, it goes on there when called again.
Parameters:
    @ModelName NVARCHAR(128) = NULL                  network of volumes that reads crops, in dbo.networks; needed
    @Detector NVARCHAR(128) = NULL                   detector whose candidates are scored; needed
    @DetectorPreprocessing NVARCHAR(32) = N''volume''  preprocessing by which it searched
    @After NVARCHAR(1000) = NULL                     stages before, with commas between, whose scores are multiplied, too
    @Activation NVARCHAR(16) = NULL                  what makes a probability of its output: none, sigmoid or softmax; NULL: as declared
    @Class INT = NULL                                number of its output that is meant, from 0; NULL means as declared, else the last
    @Dataset NVARCHAR(128) = NULL                    data set of scans; NULL means all that the detector has searched
    @DatasetVersion INT = NULL                       its version; NULL means the newest
    @BatchSize INT = 16                              crops in one run of the network, 1 to 1024
    @ChunkMegabytes INT = 256                        megabytes of stored slices in one transaction, 1 to 512
    @Recompute BIT = 0                               1 scores all candidates again
    @Help BIT = 0                                    1 prints this help and does nothing else
Examples:
    EXECUTE dbo.ScoreNodules @ModelName = N''false_alarms'', @Detector = N''my_detector'', @Activation = N''sigmoid'';
    EXECUTE dbo.ScoreNodules @ModelName = N''malignancy'', @Detector = N''my_detector'', @After = N''false_alarms'';';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000), @NetworkId INT, @DetectorId INT, @DatasetVersionId INT, @RunId INT, @Total INT, @Done INT = 0,
        @Failed INT, @Layer NVARCHAR(256);
    CREATE TABLE #scans (scan_id INT NOT NULL PRIMARY KEY, content_sha256 VARBINARY(32) NOT NULL, is_test BIT NOT NULL);
    CREATE TABLE #stages (
        position INT NOT NULL PRIMARY KEY, name NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL, network_id INT NULL);
    CREATE TABLE #candidates (
        nodule_id INT NOT NULL PRIMARY KEY, scan_id INT NOT NULL, x FLOAT NOT NULL, y FLOAT NOT NULL, z FLOAT NOT NULL,
        score FLOAT NOT NULL);
    CREATE TABLE #todo (scan_id INT NOT NULL PRIMARY KEY, bytes BIGINT NOT NULL);
    CREATE TABLE #chunk (scan_id INT NOT NULL PRIMARY KEY);
    CREATE TABLE #failed (scan_id INT NOT NULL PRIMARY KEY, error NVARCHAR(2000) COLLATE DATABASE_DEFAULT NOT NULL);

    EXECUTE internal.CheckScoringArguments @ModelName, @Detector, @DetectorPreprocessing, @Activation, @Class, @BatchSize, @ChunkMegabytes,
        @Recompute;
    EXECUTE internal.FindNetwork NULL, @ModelName, @NetworkId OUTPUT;
    EXECUTE internal.FindNetwork NULL, @Detector, @DetectorId OUTPUT;
    EXECUTE internal.FindStages @After;
    EXECUTE internal.NameStages @NetworkId, @DetectorId, @DetectorPreprocessing, @Layer OUTPUT;
    EXECUTE internal.FindScansOfDataset @Dataset, @DatasetVersion, @DatasetVersionId OUTPUT;
    INSERT INTO #scans (scan_id, content_sha256, is_test)
    SELECT s.scan_id, s.content_sha256, 0
    FROM dbo.scans AS s
    WHERE s.scan_id IN (SELECT scan_id FROM dbo.dataset_members WHERE dataset_version_id = @DatasetVersionId)
        OR (@DatasetVersionId IS NULL AND EXISTS (
            SELECT 1
            FROM dbo.features AS f
            INNER JOIN dbo.feature_sets AS t ON t.feature_set_id = f.feature_set_id
            WHERE f.scan_id = s.scan_id AND t.network_id = @DetectorId AND t.layer = N'nodules'
                AND t.preprocessing = @DetectorPreprocessing));
    EXECUTE internal.TakeCandidates @DetectorId, @DetectorPreprocessing;
    INSERT INTO #todo (scan_id, bytes)
    SELECT c.scan_id, (SELECT SUM(CAST(DATALENGTH(i.pixels) AS BIGINT)) FROM dbo.scan_images AS i WHERE i.scan_id = c.scan_id)
    FROM (
        SELECT DISTINCT d.scan_id
        FROM #candidates AS d
        WHERE @Recompute = 1 OR NOT EXISTS (
            SELECT 1 FROM dbo.nodule_scores AS r WHERE r.nodule_id = d.nodule_id AND r.network_id = @NetworkId)) AS c
    WHERE EXISTS (SELECT 1 FROM dbo.scan_images AS i WHERE i.scan_id = c.scan_id)
    OPTION (RECOMPILE);
    -- Hexadecimal takes two characters a byte, and above 1 GB a column is more than a script takes.
    INSERT INTO #failed (scan_id, error)
    SELECT scan_id, N'Its slices are more than 1 GB as they are sent to the script.' FROM #todo WHERE bytes > 536870912;
    DELETE FROM #todo WHERE bytes > 536870912;
    SET @Total = (SELECT COUNT(*) FROM #todo);

    DECLARE @Arguments NVARCHAR(4000) = JSON_MODIFY(JSON_MODIFY(JSON_MODIFY(JSON_MODIFY(N'{}', N'$.model', @ModelName), N'$.detector',
        @Detector), N'$.after', @After), N'$.dataset', @Dataset);
    EXECUTE internal.StartRun N'ScoreNodules', @RunId OUTPUT, @Arguments;
    WHILE EXISTS (SELECT 1 FROM #todo)
    BEGIN
        DELETE FROM #chunk;
        INSERT INTO #chunk (scan_id)
        SELECT t.scan_id
        FROM (SELECT scan_id, SUM(bytes) OVER (ORDER BY scan_id ROWS UNBOUNDED PRECEDING) AS upto FROM #todo) AS t
        WHERE t.upto <= @ChunkMegabytes * CAST(1000000 AS BIGINT) OR t.scan_id = (SELECT MIN(scan_id) FROM #todo);
        EXECUTE internal.ScoreCrops @NetworkId, @Activation, @Class, @BatchSize, @RunId;
        SET @Done = @Done + (SELECT COUNT(*) FROM #chunk);
        SET @Message = CONCAT(N'Scored the candidates of ', @Done, N' of ', @Total, N' scans.');
        EXECUTE internal.ReportStep @RunId, @Message, @Done, @Total;
        DELETE FROM #todo WHERE scan_id IN (SELECT scan_id FROM #chunk);
    END;
    EXECUTE internal.PoolNodules @NetworkId, @Layer, @DetectorId, @DetectorPreprocessing, @RunId;

    SET @Failed = (SELECT COUNT(*) FROM #failed);
    SET @Done = (SELECT COUNT(*) FROM #scans) - @Failed;
    SET @Message = (
        SELECT TOP (1) CONCAT(@Failed, N' of ', @Done + @Failed, N' scans have candidates that cannot be scored; the others are stored. ',
            N'The first, scan_id ', scan_id, N': ', LEFT(error, 1500))
        FROM #failed
        ORDER BY scan_id);
    SET @Message = REPLACE(@Message, N'%', N'%%');
    EXECUTE internal.EndRun @RunId, @Failed, @Message, NULL, @Done;
    IF @Message IS NOT NULL
        THROW 50120, @Message, 1;
END;
