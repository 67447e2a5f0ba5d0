-- ScoreCrops: scores the candidates of the scans of a chunk, and stores the scores of scans that did not fail, in one transaction. What was
-- replaced or searched again meanwhile is left out.
-- Called by ScoreNodules, whose tables #chunk and #candidates it reads, and whose table #failed it fills.
CREATE OR ALTER PROCEDURE internal.ScoreCrops
    @NetworkId INT,            -- the stage
    @Activation NVARCHAR(16),  -- none, sigmoid, softmax or NULL
    @Class INT,                -- number of the output, or NULL
    @BatchSize INT,            -- crops in one run
    @RunId INT                 -- row of dbo.runs
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @ErrorNumber INT, @ErrorMessage NVARCHAR(2000), @Provider NVARCHAR(128), @CpuSeconds FLOAT,
        @PeakMegabytes FLOAT, @Locked INT, @Network VARBINARY(MAX), @Sha256 VARCHAR(64), @Details NVARCHAR(MAX), @Candidates NVARCHAR(MAX);
    DECLARE @Language NVARCHAR(128), @Providers NVARCHAR(400), @Threads INT;
    EXECUTE internal.ReadSettings @Language OUTPUT, @Providers OUTPUT, @Threads OUTPUT;
    CREATE TABLE #result (nodule_id INT NULL, scan_id INT NULL, score FLOAT NULL, error NVARCHAR(2000) COLLATE DATABASE_DEFAULT NULL);
    CREATE TABLE #sent (place INT NOT NULL, part INT NOT NULL);
    CREATE TABLE #came (place INT NULL, part INT NULL);
    SELECT @Network = model, @Sha256 = CONVERT(VARCHAR(64), sha256, 2), @Details = details FROM dbo.networks WHERE network_id = @NetworkId;
    -- Style 3 keeps every digit.
    SET @Candidates = (
        SELECT CONCAT(N'[', STRING_AGG(CONCAT(CAST(N'{"nodule_id": ' AS NVARCHAR(MAX)), c.nodule_id, N', "scan_id": ', c.scan_id,
            N', "x": ', CONVERT(NVARCHAR(40), c.x, 3), N', "y": ', CONVERT(NVARCHAR(40), c.y, 3), N', "z": ',
            CONVERT(NVARCHAR(40), c.z, 3), N'}'), N', ')
            WITHIN GROUP (ORDER BY c.nodule_id), N']')
        FROM #candidates AS c
        INNER JOIN #chunk AS k ON k.scan_id = c.scan_id);

    INSERT INTO #result (nodule_id, scan_id, score, error)
    EXECUTE sp_execute_external_script
        @language = @Language,
        @script = N'
def main(*arguments):
    from lungdb.procedures import measured, score_nodules
    return measured(score_nodules, *arguments)

OutputDataSet, Provider, ErrorNumber, ErrorMessage, CpuSeconds, PeakMegabytes = main(
    InputDataSet, Candidates, Network, Sha256, Details, Activation, Chosen, BatchSize, Providers, Threads)
',
        @input_data_1 = N'
SELECT i.scan_id, i.slice_index, s.number_images, CONVERT(VARCHAR(64), s.content_sha256, 2) AS content_sha256, s.image_rows,
    s.image_cols, i.rescale_slope, i.rescale_intercept, CONVERT(VARCHAR(MAX), i.pixels, 2) AS pixels,
    CONVERT(VARCHAR(64), i.pixels_sha256, 2) AS pixels_sha256, COALESCE(i.encoding, N'''') AS encoding, s.spacing_z, s.spacing_y,
    s.spacing_x, s.origin_x, s.origin_y, s.origin_z, s.row_x, s.row_y, s.row_z, s.column_x, s.column_y, s.column_z, s.step_x, s.step_y,
    s.step_z
FROM #chunk AS c
INNER JOIN dbo.scans AS s ON s.scan_id = c.scan_id
INNER JOIN dbo.scan_images AS i ON i.scan_id = s.scan_id
ORDER BY i.scan_id, i.slice_index;',
        @params = N'@Candidates NVARCHAR(MAX), @Network VARBINARY(MAX), @Sha256 VARCHAR(64), @Details NVARCHAR(MAX),
            @Activation NVARCHAR(16), @Chosen INT, @BatchSize INT, @Providers NVARCHAR(400), @Threads INT,
            @Provider NVARCHAR(128) OUTPUT, @ErrorNumber INT OUTPUT, @ErrorMessage NVARCHAR(2000) OUTPUT,
            @CpuSeconds FLOAT OUTPUT, @PeakMegabytes FLOAT OUTPUT',
        @Candidates = @Candidates, @Network = @Network, @Sha256 = @Sha256, @Details = @Details, @Activation = @Activation,
        @Chosen = @Class, @BatchSize = @BatchSize, @Providers = @Providers, @Threads = @Threads, @Provider = @Provider OUTPUT,
        @ErrorNumber = @ErrorNumber OUTPUT, @ErrorMessage = @ErrorMessage OUTPUT, @CpuSeconds = @CpuSeconds OUTPUT,
        @PeakMegabytes = @PeakMegabytes OUTPUT;
    IF @ErrorNumber <> 0
        EXECUTE internal.EndRun @RunId, 0, @ErrorMessage;
    IF @ErrorNumber <> 0
    BEGIN
        SET @Message = REPLACE(@ErrorMessage, N'%', N'%%');
        THROW @ErrorNumber, @Message, 1;
    END;

    -- Not every runtime tells an empty text from NULL.
    INSERT INTO #failed (scan_id, error)
    SELECT scan_id, error FROM #result WHERE nodule_id = 0 AND COALESCE(error, N'') <> N'';
    INSERT INTO #sent (place, part)
    SELECT c.nodule_id, c.scan_id
    FROM #candidates AS c
    INNER JOIN #chunk AS k ON k.scan_id = c.scan_id
    WHERE c.scan_id NOT IN (SELECT scan_id FROM #failed) AND EXISTS (
        SELECT 1 FROM dbo.scans AS s INNER JOIN #scans AS t ON t.scan_id = s.scan_id AND t.content_sha256 = s.content_sha256
        WHERE s.scan_id = c.scan_id);
    INSERT INTO #came (place, part)
    SELECT r.nodule_id, r.scan_id
    FROM #result AS r
    WHERE r.nodule_id <> 0 AND r.score BETWEEN 0 AND 1 AND r.scan_id IN (SELECT part FROM #sent);
    EXECUTE internal.CheckRows N'nodule_ids', @RunId;

    BEGIN TRANSACTION;
    -- First the worklist, then scans, nodules and their scores, as StoreFeatures does, so that who searches again, or scores the same
    -- candidates, waits here.
    SET @Locked = (SELECT COUNT(*) FROM dbo.worklist WITH (UPDLOCK, HOLDLOCK) WHERE scan_id IN (SELECT scan_id FROM #chunk));
    SET @Locked = (SELECT COUNT(*) FROM dbo.scans WITH (UPDLOCK, HOLDLOCK) WHERE scan_id IN (SELECT scan_id FROM #chunk));
    IF NOT EXISTS (SELECT 1 FROM dbo.networks WITH (UPDLOCK, HOLDLOCK) WHERE network_id = @NetworkId)
    BEGIN
        ROLLBACK TRANSACTION;
        SET @Message = N'The network was deleted while it scored. Load it again, or take another one.';
        EXECUTE internal.EndRun @RunId, 0, @Message;
        THROW 50232, @Message, 1;
    END;
    SET @Locked = (SELECT COUNT(*) FROM dbo.nodules WITH (UPDLOCK, HOLDLOCK) WHERE nodule_id IN (SELECT place FROM #sent));
    DELETE d
    FROM dbo.nodule_scores AS d
    INNER JOIN #sent AS s ON s.place = d.nodule_id
    WHERE d.network_id = @NetworkId;
    INSERT INTO dbo.nodule_scores (nodule_id, network_id, preprocessing, score)
    SELECT r.nodule_id, @NetworkId, N'volume', r.score
    FROM #result AS r
    INNER JOIN #sent AS s ON s.place = r.nodule_id
    INNER JOIN dbo.nodules AS n ON n.nodule_id = r.nodule_id
    INNER JOIN dbo.scans AS c ON c.scan_id = n.scan_id AND c.content_sha256 = n.content_sha256;
    COMMIT TRANSACTION;
END;
