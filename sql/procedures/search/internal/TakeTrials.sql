-- TakeTrials: fills #taken with free trials of one feature matrix and leases them; with none where none is free.
-- Called by RunSearch, whose table #taken it fills.
CREATE OR ALTER PROCEDURE internal.TakeTrials
    @SearchId INT,            -- search
    @Worker NVARCHAR(128),    -- who takes them
    @LeaseSeconds INT,        -- seconds after which they are free again
    @Count INT                -- trials at most
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @FeatureSetId INT, @Pooling NVARCHAR(32), @Attempts INT, @Free INT, @Fewest INT, @Now DATETIME2(3) = SYSUTCDATETIME();

    IF EXISTS (SELECT 1 FROM dbo.search_trials WHERE search_id = @SearchId AND state = 'running' AND lease_until < @Now AND attempts >= 3)
        UPDATE dbo.search_trials
        SET state = 'failed',
            error = N'Three workers were ended or ran out of time during this trial. Take fewer trees, or a longer @LeaseSeconds.'
        WHERE search_id = @SearchId AND state = 'running' AND lease_until < @Now AND attempts >= 3;

    SELECT TOP (1) @FeatureSetId = feature_set_id, @Pooling = pooling, @Attempts = attempts
    FROM dbo.search_trials
    WHERE search_id = @SearchId AND (state = 'queued' OR (state = 'running' AND lease_until < @Now))
    ORDER BY attempts, trial_id;
    IF @FeatureSetId IS NULL
        RETURN 0;

    -- A part of what is left, but a tenth of what was asked for, so that the workers end together without many calls; a trial
    -- that a worker was ended with is tried alone.
    SET @Free = (
        SELECT COUNT(*)
        FROM dbo.search_trials
        WHERE search_id = @SearchId AND (state = 'queued' OR (state = 'running' AND lease_until < @Now)));
    SET @Fewest = 1 + @Count / 10;
    SET @Count = CASE
        WHEN @Attempts > 0 THEN 1 WHEN @Free / 4 <= @Fewest THEN @Fewest WHEN @Free / 4 < @Count THEN @Free / 4 ELSE @Count END;

    -- With READ_COMMITTED_SNAPSHOT ON READPAST needs READCOMMITTEDLOCK beside it, and that excludes ROWLOCK; ClaimItems says more.
    UPDATE TOP (@Count) dbo.search_trials WITH (UPDLOCK, READPAST, READCOMMITTEDLOCK)
    SET state = 'running', worker = @Worker, lease_until = DATEADD(SECOND, @LeaseSeconds, @Now), attempts = attempts + 1
    OUTPUT inserted.trial_id, inserted.attempts, inserted.rung, inserted.feature_set_id, inserted.pooling, inserted.parameters
    INTO #taken (trial_id, attempts, rung, feature_set_id, pooling, parameters)
    WHERE search_id = @SearchId AND feature_set_id = @FeatureSetId AND pooling = @Pooling AND attempts = @Attempts
        AND (state = 'queued' OR (state = 'running' AND lease_until < @Now));
END;
