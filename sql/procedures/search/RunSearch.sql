-- RunSearch: works on a search until nothing is left: takes trials, cross-validates them, and trains the best at the end.
-- Example: EXECUTE dbo.RunSearch @SearchId = 1;
CREATE OR ALTER PROCEDURE dbo.RunSearch
    @SearchId INT = NULL,          -- number that SearchModels gave; NULL means the oldest search that is not finished
    @Worker NVARCHAR(128) = NULL,  -- name of this worker, of no other that runs; NULL means a new one
    @LeaseSeconds INT = 300,       -- seconds after which the trials of a worker that has ended are free again, 1 to 86400
    @Help BIT = 0                  -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.RunSearch works on a search until nothing is left. Call it on as many connections as there are processors.
Each call takes trials for a while from dbo.search_trials, cross-validates them on the training patients alone with one thread,
and stores AUC and log loss. When all are tried, one of the calls trains the best with TrainLungCancerModel as a new version.
A call that is ended loses the trials of at most 20 seconds or one trial: their lease ends, and another call takes them.
A trial that three calls were ended with is failed. Calling it again goes on where it stopped. A lease must be longer than one trial.
Parameters:
    @SearchId INT = NULL          number that SearchModels gave; NULL means the oldest search that is not finished
    @Worker NVARCHAR(128) = NULL  name of this worker, of no other that runs; NULL means a new one
    @LeaseSeconds INT = 300       seconds after which the trials of a worker that has ended are free again, 1 to 86400
    @Help BIT = 0                 1 prints this help and does nothing else
Example:
    EXECUTE dbo.RunSearch @SearchId = 1;';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000), @ErrorNumber INT, @ErrorMessage NVARCHAR(2000), @Next VARCHAR(10) = 'work', @Count INT = 4, @Done INT;
    DECLARE @Seed INT, @Folds INT, @Rungs INT, @Trials NVARCHAR(MAX), @FeatureSetId INT, @Pooling NVARCHAR(32), @Took FLOAT;
    DECLARE @Budget FLOAT = IIF(@LeaseSeconds < 80, CAST(@LeaseSeconds AS FLOAT) / 4, 20);
    DECLARE @Started DATETIME2(3), @Began DATETIME2(3) = SYSUTCDATETIME(), @Before INT, @RunId INT;
    DECLARE @Language NVARCHAR(128), @Names NVARCHAR(MAX), @Width INT, @Lacking INT, @CpuSeconds FLOAT, @PeakMegabytes FLOAT,
        @Arguments NVARCHAR(4000);
    EXECUTE internal.ReadSettings @Language OUTPUT;
    CREATE TABLE #taken (
        trial_id INT NOT NULL PRIMARY KEY, attempts INT NOT NULL, rung INT NOT NULL, feature_set_id INT NOT NULL,
        pooling NVARCHAR(32) COLLATE DATABASE_DEFAULT NOT NULL, parameters NVARCHAR(MAX) COLLATE DATABASE_DEFAULT NOT NULL);
    CREATE TABLE #trial_figures (
        trial_id INT NULL, error NVARCHAR(2000) COLLATE DATABASE_DEFAULT NULL, auc FLOAT NULL, log_loss FLOAT NULL);
    CREATE TABLE #read (scan_id INT NOT NULL PRIMARY KEY);
    CREATE TABLE #combine (scan_id INT NOT NULL PRIMARY KEY);
    CREATE TABLE #labelled (
        scan_id INT NOT NULL PRIMARY KEY, patient_id NVARCHAR(64) COLLATE DATABASE_DEFAULT NOT NULL, label TINYINT NULL,
        target FLOAT NULL);

    EXECUTE internal.CheckWorker @SearchId OUTPUT, @Worker OUTPUT, @LeaseSeconds;
    SELECT @Seed = seed, @Folds = folds, @Rungs = rungs FROM dbo.searches WHERE search_id = @SearchId;
    SET @Before = (SELECT COUNT(*) FROM dbo.search_trials WHERE search_id = @SearchId AND state IN ('done', 'failed'));

    SET @Arguments = JSON_MODIFY(JSON_MODIFY(N'{}', N'$.search_id', @SearchId), N'$.worker', @Worker);
    EXECUTE internal.StartRun N'RunSearch', @RunId OUTPUT, @Arguments;

    WHILE @Next <> 'end'
    BEGIN
        DELETE FROM #taken;
        DELETE FROM #trial_figures;
        EXECUTE internal.TakeTrials @SearchId, @Worker, @LeaseSeconds, @Count;
        IF NOT EXISTS (SELECT 1 FROM #taken)
        BEGIN
            EXECUTE internal.AdvanceSearch @SearchId, @Worker, @LeaseSeconds, @Next OUTPUT;
            IF @Next = 'train'
                EXECUTE internal.TrainBestTrial @SearchId, @Worker, @RunId;
            IF @Next = 'wait'
                WAITFOR DELAY '00:00:00.500';
            CONTINUE;
        END;
        SELECT @FeatureSetId = MAX(feature_set_id), @Pooling = MAX(pooling) FROM #taken;
        SET @Trials = CONCAT(N'[', (
            SELECT STRING_AGG(CONCAT(N'{"trial_id": ', trial_id, N', "rung": ', rung, N', "parameters": ', parameters, N'}'), N', ')
                WITHIN GROUP (ORDER BY trial_id)
            FROM #taken), N']');
        EXECUTE internal.ReadTrialVectors @SearchId, @Worker, @RunId, @FeatureSetId, @Pooling, @Lacking OUTPUT;
        EXECUTE internal.NameFeatures @FeatureSetId, @Pooling, @Width OUTPUT, @Names OUTPUT;
        SET @Started = SYSUTCDATETIME();

        INSERT INTO #trial_figures (trial_id, error, auc, log_loss)
        EXECUTE sp_execute_external_script
            @language = @Language,
            @script = N'
def main(patients, trials, folds, seed, rungs, seconds, names, lacking):
    from lungdb.procedures import measured, run_trials
    return measured(run_trials, patients, trials, folds, seed, rungs, seconds, names, lacking)

OutputDataSet, ErrorNumber, ErrorMessage, CpuSeconds, PeakMegabytes = main(
    InputDataSet, Trials, Folds, Seed, Rungs, Seconds, Names, Lacking)
',
            @input_data_1 = N'
SELECT l.patient_id, l.scan_id, CAST(l.label AS INT) AS label, f.vector
FROM #read AS r
INNER JOIN #labelled AS l ON l.scan_id = r.scan_id
INNER JOIN dbo.pooled_features AS f ON f.scan_id = r.scan_id
WHERE f.feature_set_id = @FeatureSetId AND f.pooling = @Pooling
ORDER BY l.patient_id, l.scan_id;',
            @params = N'@FeatureSetId INT, @Pooling NVARCHAR(32), @Trials NVARCHAR(MAX), @Folds INT, @Seed INT, @Rungs INT,
                @Seconds FLOAT, @Names NVARCHAR(MAX), @Lacking INT, @ErrorNumber INT OUTPUT, @ErrorMessage NVARCHAR(2000) OUTPUT,
                @CpuSeconds FLOAT OUTPUT, @PeakMegabytes FLOAT OUTPUT',
            @FeatureSetId = @FeatureSetId, @Pooling = @Pooling, @Trials = @Trials, @Folds = @Folds, @Seed = @Seed, @Rungs = @Rungs,
            @Seconds = @Budget, @Names = @Names, @Lacking = @Lacking, @ErrorNumber = @ErrorNumber OUTPUT,
            @ErrorMessage = @ErrorMessage OUTPUT, @CpuSeconds = @CpuSeconds OUTPUT, @PeakMegabytes = @PeakMegabytes OUTPUT;
        IF @ErrorNumber <> 0
        BEGIN
            EXECUTE dbo.ReleaseTrials @SearchId, @Worker;
            EXECUTE internal.EndRun @RunId, 0, @ErrorMessage;
        END;
        IF @ErrorNumber <> 0
        BEGIN
            SET @Message = REPLACE(@ErrorMessage, N'%', N'%%');
            THROW @ErrorNumber, @Message, 1;
        END;

        SET @Took = CAST(DATEDIFF_BIG(MILLISECOND, @Started, SYSUTCDATETIME()) + 1 AS FLOAT) / 1000;
        SET @Done = (SELECT COUNT(*) FROM #trial_figures);
        SET @Count = IIF(@Done * @Budget / @Took < 1000, CEILING(@Done * @Budget / @Took), 1000);
        EXECUTE internal.StoreTrials @SearchId, @Worker, @Took, @Began, @Before, @RunId, @CpuSeconds, @PeakMegabytes;
    END;

    EXECUTE internal.ReportSearch @SearchId, @RunId;
END;
