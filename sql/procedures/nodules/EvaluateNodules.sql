-- EvaluateNodules: measures a detector of nodules on the scans of a data set by free-response ROC, as LUNA16 does.
-- Example: EXECUTE dbo.EvaluateNodules @ModelName = N'my_detector', @Dataset = N'marked';
CREATE OR ALTER PROCEDURE dbo.EvaluateNodules
    @ModelName NVARCHAR(128) = NULL,         -- detector, a name in dbo.networks; its newest version is meant; needed
    @Preprocessing NVARCHAR(32) = N'volume', -- preprocessing by which it searched
    @Stages NVARCHAR(1000) = NULL,           -- later stages with commas between, whose scores are multiplied with the detector's
    @Dataset NVARCHAR(128) = NULL,           -- data set of scans that were read for nodules, see CreateDataset; needed
    @DatasetVersion INT = NULL,              -- its version; NULL means the newest
    @LeastReaders INT = 3,                   -- nodules that fewer readers marked are irrelevant, where that is known, 1 to 255
    @LeastDiameter FLOAT = 3,                -- nodules below so many millimetres, or without a diameter, are irrelevant, 0 to 1000
    @MostPerScan INT = 100,                  -- candidates of a scan that count, those with the highest scores; NULL means all
    @Seed INT = 20170401,                    -- of the bootstrap, 0 to 2147483647
    @Help BIT = 0                            -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.EvaluateNodules says how many nodules a detector finds at 1/8, 1/4, 1/2, 1, 2, 4 and 8 false alarms a scan.
Truth are the nodules in dbo.nodules that readers marked. A candidate within the radius of a nodule hits it, of several the highest score
counts, and candidates on irrelevant findings are neither hits nor false alarms. Intervals are of 1,000 bootstraps over scans. position 0
is the mean of the seven, LUNA16''s score. A scan counts because it is in the data set: one without marks was read and has no nodule.
So a data set must hold no scans that nobody has read. All is kept in dbo.nodule_evaluations, and dbo.detector_figures shows it.
Parameters:
    @ModelName NVARCHAR(128) = NULL          detector, a name in dbo.networks; its newest version is meant; needed
    @Preprocessing NVARCHAR(32) = N''volume''  preprocessing by which it searched
    @Stages NVARCHAR(1000) = NULL            later stages with commas between, whose scores are multiplied with the detector''s
    @Dataset NVARCHAR(128) = NULL            data set of scans that were read for nodules, see CreateDataset; needed
    @DatasetVersion INT = NULL               its version; NULL means the newest
    @LeastReaders INT = 3                    nodules that fewer readers marked are irrelevant, where that is known, 1 to 255
    @LeastDiameter FLOAT = 3                 nodules below so many millimetres, or without a diameter, are irrelevant, 0 to 1000
    @MostPerScan INT = 100                   candidates of a scan that count, those with the highest scores; NULL means all
    @Seed INT = 20170401                     of the bootstrap, 0 to 2147483647
    @Help BIT = 0                            1 prints this help and does nothing else
Examples:
    EXECUTE dbo.EvaluateNodules @ModelName = N''my_detector'', @Dataset = N''marked'';
    EXECUTE dbo.EvaluateNodules @ModelName = N''my_detector'', @Stages = N''false_alarms, malignancy'', @Dataset = N''marked'';';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000), @NetworkId INT, @DatasetVersionId INT, @RunId INT, @EvaluationId INT, @Said NVARCHAR(400), @Scans INT;
    CREATE TABLE #scans (
        scan_id INT NOT NULL PRIMARY KEY, content_sha256 VARBINARY(32) NOT NULL, is_test BIT NOT NULL);
    CREATE TABLE #stages (
        position INT NOT NULL PRIMARY KEY, name NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL, network_id INT NULL);
    CREATE TABLE #candidates (
        nodule_id INT NOT NULL PRIMARY KEY, scan_id INT NOT NULL, x FLOAT NOT NULL, y FLOAT NOT NULL, z FLOAT NOT NULL,
        score FLOAT NOT NULL);
    CREATE TABLE #marked (
        nodule_id INT NOT NULL PRIMARY KEY, scan_id INT NOT NULL, is_nodule BIT NOT NULL, x FLOAT NOT NULL, y FLOAT NOT NULL,
        z FLOAT NOT NULL, diameter FLOAT NULL);
    CREATE TABLE #measured (
        position INT NULL, rate FLOAT NULL, sensitivity FLOAT NULL, low FLOAT NULL, high FLOAT NULL);

    EXECUTE internal.CheckNoduleArguments @LeastReaders, @LeastDiameter, @MostPerScan, @Seed, @ModelName, @Preprocessing, @Dataset;
    EXECUTE internal.FindNetwork NULL, @ModelName, @NetworkId OUTPUT;
    EXECUTE internal.FindStages @Stages;
    EXECUTE internal.FindScansOfDataset @Dataset, @DatasetVersion, @DatasetVersionId OUTPUT;
    INSERT INTO #scans (scan_id, content_sha256, is_test)
    SELECT s.scan_id, s.content_sha256, IIF(p.part = 'test', 1, 0)
    FROM dbo.dataset_members AS m
    INNER JOIN dbo.scans AS s ON s.scan_id = m.scan_id
    LEFT JOIN dbo.splits AS p ON p.patient_id = s.patient_id
    WHERE m.dataset_version_id = @DatasetVersionId;
    EXECUTE internal.TakeMarked @LeastReaders, @LeastDiameter;
    EXECUTE internal.TakeCandidates @NetworkId, @Preprocessing;

    DECLARE @Arguments NVARCHAR(4000) = JSON_MODIFY(JSON_MODIFY(JSON_MODIFY(JSON_MODIFY(N'{}', N'$.model', @ModelName), N'$.stages',
        @Stages), N'$.dataset', @Dataset), N'$.dataset_version', @DatasetVersion);
    EXECUTE internal.StartRun N'EvaluateNodules', @RunId OUTPUT, @Arguments;
    EXECUTE internal.MeasureNodules @Seed, @MostPerScan, @RunId, @Said OUTPUT;
    BEGIN TRY
        EXECUTE internal.StoreNoduleEvaluation @NetworkId, @Preprocessing, @DatasetVersionId, @LeastReaders, @LeastDiameter, @MostPerScan,
            @Seed, @Said, @EvaluationId OUTPUT;
    END TRY
    BEGIN CATCH
        IF @@TRANCOUNT > 0
            ROLLBACK TRANSACTION;
        SET @Message = ERROR_MESSAGE();
        EXECUTE internal.EndRun @RunId, 0, @Message;
        THROW;
    END CATCH;
    SET @Scans = (SELECT COUNT(*) FROM #scans);
    EXECUTE internal.EndRun @RunId, @Scans = @Scans;
    SELECT nodule_evaluation_id, detector, detector_version, preprocessing, stages, dataset, dataset_version, [rule], scans, test_scans,
        nodules, irrelevant, hits, false_alarms, position, false_alarms_per_scan, sensitivity, low, high
    FROM dbo.detector_figures
    WHERE nodule_evaluation_id = @EvaluationId
    ORDER BY position;
END;
