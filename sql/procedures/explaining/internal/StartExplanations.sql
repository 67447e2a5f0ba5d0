-- StartExplanations: takes part in the work of these explanations, finds the scores that lack some, and puts them into the queue.
-- Called by ExplainScans, whose table #todo it reads and whose table #queue it fills.
CREATE OR ALTER PROCEDURE internal.StartExplanations
    @ClassifierId INT,              -- the version of the model
    @Permutations INT,              -- of the estimates
    @Seed INT,                      -- of the permutations
    @Features BIT,                  -- 1 when contributions of features are wanted
    @Recompute BIT,                 -- 1 takes those that are explained already too
    @Parts NVARCHAR(MAX) OUTPUT,    -- JSON array of [position, pooling, first index, width]
    @Means NVARCHAR(MAX) OUTPUT,    -- JSON array of [feature, mean over the training scans]
    @WorkId INT OUTPUT,             -- row of dbo.work
    @Worker NVARCHAR(128) OUTPUT    -- name of this session
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Arguments NVARCHAR(MAX) = CONCAT(CAST(N'{"classifier_id": ' AS NVARCHAR(MAX)), @ClassifierId, N', "permutations": ',
        @Permutations, N', "seed": ', @Seed, N', "features": ', @Features, N', "recompute": ', @Recompute, N'}');
    EXECUTE internal.JoinWork N'ExplainScans', @Arguments, @WorkId OUTPUT, @Worker OUTPUT;
    EXECUTE internal.PlanExplanations @ClassifierId, @Permutations, @Seed, @Features, @Recompute, @Parts OUTPUT, @Means OUTPUT;
    INSERT INTO #queue (item, position, grp, bytes, state, attempts)
    SELECT CAST(prediction_id AS NVARCHAR(128)), prediction_id, 0, bytes, 'waits', 0
    FROM #todo;
    EXECUTE internal.FillWork @WorkId;
END;
