-- AdvanceSearch: says what a worker that found no free trial does next, and begins the next rung or the training of the best, once.
-- Called by RunSearch.
CREATE OR ALTER PROCEDURE internal.AdvanceSearch
    @SearchId INT,               -- search
    @Worker NVARCHAR(128),       -- who asks
    @LeaseSeconds INT,           -- seconds that the training of the best may take
    @Next VARCHAR(10) OUTPUT     -- work: there are trials; wait: others are at it; train: train the best; end: all is done
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @State VARCHAR(10), @Rung INT, @Rungs INT, @Metric VARCHAR(10), @Lease DATETIME2(3), @Count INT, @Best INT;
    DECLARE @Now DATETIME2(3) = SYSUTCDATETIME();
    CREATE TABLE #ranked (place INT NOT NULL PRIMARY KEY, trial_id INT NOT NULL);
    SELECT @State = state, @Rung = rung, @Rungs = rungs, @Metric = metric, @Lease = lease_until
    FROM dbo.searches
    WHERE search_id = @SearchId;

    IF @State IN ('done', 'failed')
    BEGIN
        SET @Next = 'end';
        RETURN 0;
    END;
    IF @State = 'training'
    BEGIN
        UPDATE dbo.searches
        SET worker = @Worker, lease_until = DATEADD(SECOND, @LeaseSeconds, @Now)
        WHERE search_id = @SearchId AND state = 'training' AND lease_until = @Lease AND lease_until < @Now;
        SET @Next = CASE WHEN @@ROWCOUNT = 1 THEN 'train' ELSE 'wait' END;
        RETURN 0;
    END;
    IF EXISTS (SELECT 1 FROM dbo.search_trials WHERE search_id = @SearchId AND state IN ('queued', 'running'))
    BEGIN
        SET @Next = 'wait';
        RETURN 0;
    END;

    INSERT INTO #ranked (place, trial_id)
    SELECT ROW_NUMBER() OVER (ORDER BY CASE WHEN @Metric = 'auc' THEN -auc ELSE log_loss END, log_loss, candidate), trial_id
    FROM dbo.search_trials
    WHERE search_id = @SearchId AND rung = @Rung AND state = 'done';
    SET @Best = (SELECT trial_id FROM #ranked WHERE place = 1);

    -- The condition on the rung and state lets one worker through.
    BEGIN TRANSACTION;
    IF @Best IS NULL
    BEGIN
        UPDATE dbo.searches SET state = 'failed' WHERE search_id = @SearchId AND state = 'running' AND rung = @Rung;
        SET @Next = 'end';
    END;
    ELSE IF @Rung < @Rungs - 1
    BEGIN
        UPDATE dbo.searches SET rung = @Rung + 1 WHERE search_id = @SearchId AND state = 'running' AND rung = @Rung;
        IF @@ROWCOUNT = 1
            INSERT INTO dbo.search_trials (search_id, rung, candidate, feature_set_id, pooling, parameters)
            SELECT @SearchId, @Rung + 1, t.candidate, t.feature_set_id, t.pooling, t.parameters
            FROM #ranked AS r
            INNER JOIN dbo.search_trials AS t ON t.trial_id = r.trial_id
            WHERE r.place <= ((SELECT COUNT(*) FROM dbo.search_trials WHERE search_id = @SearchId AND rung = @Rung) + 2) / 3
            ORDER BY t.candidate;
        SET @Next = 'work';
    END;
    ELSE
    BEGIN
        UPDATE dbo.searches
        SET state = 'training', best_trial_id = @Best, worker = @Worker, lease_until = DATEADD(SECOND, @LeaseSeconds, @Now),
            training_from = @Now
        WHERE search_id = @SearchId AND state = 'running' AND rung = @Rung;
        SET @Next = CASE WHEN @@ROWCOUNT = 1 THEN 'train' ELSE 'wait' END;
    END;
    COMMIT TRANSACTION;
END;
