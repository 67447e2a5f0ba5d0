-- StoreTrials: refuses figures of other trials than were taken, stores what came of those, frees those not begun,
-- and reports how far the search is.
-- Called by RunSearch, whose tables #taken and #trial_figures it reads.
CREATE OR ALTER PROCEDURE internal.StoreTrials
    @SearchId INT,              -- search
    @Worker NVARCHAR(128),      -- who took them
    @Seconds FLOAT,             -- seconds that the call took
    @Began DATETIME2(3),        -- when this worker began, UTC
    @Before INT,                -- trials of the search that were finished then
    @RunId INT,                 -- row of dbo.runs
    @CpuSeconds FLOAT,          -- processor time of the script
    @PeakMegabytes FLOAT        -- most memory of its process
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Finished INT, @Failed INT, @Planned INT, @Metric VARCHAR(10), @Best NVARCHAR(30), @Rate FLOAT, @RateText NVARCHAR(30),
        @Left INT, @Message NVARCHAR(2000);
    CREATE TABLE #sent (place INT NOT NULL, part INT NOT NULL);
    CREATE TABLE #came (place INT NULL, part INT NULL);
    DECLARE @Each FLOAT = @Seconds / (SELECT COUNT(*) FROM #trial_figures);

    -- As many as there was time for, the first at least.
    INSERT INTO #came (place, part)
    SELECT trial_id, CASE WHEN COALESCE(error, N'') <> N'' OR (auc BETWEEN 0 AND 1 AND log_loss >= 0) THEN 1 ELSE 0 END FROM #trial_figures;
    INSERT INTO #sent (place, part)
    SELECT trial_id, 1 FROM #taken WHERE trial_id IN (SELECT place FROM #came) OR trial_id = (SELECT MIN(trial_id) FROM #taken);
    EXECUTE internal.CheckRows N'trial_ids', @RunId;

    -- attempts tells whether the trial was meanwhile given to another worker, who then stores it.
    BEGIN TRANSACTION;
    UPDATE t
    SET t.state = CASE WHEN COALESCE(r.error, N'') = N'' THEN 'done' ELSE 'failed' END, t.error = NULLIF(r.error, N''), t.auc = r.auc,
        t.log_loss = r.log_loss, t.seconds = @Each, t.lease_until = NULL
    FROM dbo.search_trials AS t
    INNER JOIN #taken AS k ON k.trial_id = t.trial_id
    INNER JOIN #trial_figures AS r ON r.trial_id = t.trial_id
    WHERE t.state = 'running' AND t.worker = @Worker AND t.attempts = k.attempts;
    UPDATE t
    SET t.state = 'queued', t.worker = NULL, t.lease_until = NULL, t.attempts = t.attempts - 1
    FROM dbo.search_trials AS t
    INNER JOIN #taken AS k ON k.trial_id = t.trial_id
    WHERE t.state = 'running' AND t.worker = @Worker AND t.attempts = k.attempts;
    COMMIT TRANSACTION;

    SELECT @Finished = COUNT(*), @Failed = SUM(CASE WHEN state = 'failed' THEN 1 ELSE 0 END)
    FROM dbo.search_trials
    WHERE search_id = @SearchId AND state IN ('done', 'failed');
    SELECT @Planned = planned, @Metric = metric FROM dbo.searches WHERE search_id = @SearchId;
    SET @Best = (
        SELECT LTRIM(STR(CASE WHEN @Metric = 'auc' THEN MAX(t.auc) ELSE MIN(t.log_loss) END, 10, 4))
        FROM dbo.search_trials AS t
        INNER JOIN dbo.searches AS s ON s.search_id = t.search_id AND s.rung = t.rung
        WHERE t.search_id = @SearchId AND t.state = 'done');
    SET @Best = COALESCE(@Best, N'none yet');
    SET @Rate = (@Finished - @Before) / (CAST(DATEDIFF_BIG(MILLISECOND, @Began, SYSUTCDATETIME()) + 1 AS FLOAT) / 1000);
    SET @RateText = LTRIM(STR(@Rate, 10, 2));
    SET @Left = CASE WHEN @Rate > 0 THEN CEILING((@Planned - @Finished) / @Rate) ELSE 0 END;
    SET @Message = CONCAT(N'Search ', @SearchId, N': ', @Finished, N' of ', @Planned, N' trials, ', @Failed, N' failed, best ',
        @Metric, N' ', @Best, N'; ', @RateText, N' trials a second, about ', @Left, N' seconds left.');
    EXECUTE internal.ReportStep @RunId, @Message, @Finished, @Planned, NULL, NULL, NULL, @CpuSeconds, @PeakMegabytes;
END;
