-- ReportSearch: says what came of a finished search.
-- Called by RunSearch.
CREATE OR ALTER PROCEDURE internal.ReportSearch
    @SearchId INT, -- search, done or failed
    @RunId INT     -- row of dbo.runs, which ends
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Count INT, @Name NVARCHAR(128), @Version INT, @Settings NVARCHAR(2000), @Auc NVARCHAR(30),
        @Loss NVARCHAR(30);
    SET @Count = (SELECT COUNT(*) FROM dbo.search_trials WHERE search_id = @SearchId);
    IF (SELECT state FROM dbo.searches WHERE search_id = @SearchId) = 'failed'
    BEGIN
        -- Trials that nobody has measured have no seconds: the search was ended, which says more than what failed before.
        SELECT TOP (1) @Message = CONCAT(IIF(t.seconds IS NULL, N'Search ', N'All trials of search '), @SearchId,
            IIF(t.seconds IS NULL, N' failed: ', N' failed, the first with: '),
            COALESCE(LEFT(t.error, 1500), N'It was ended before its model was trained.'),
            N' Make another search when that is put right.')
        FROM dbo.searches AS s
        LEFT JOIN dbo.search_trials AS t ON t.search_id = s.search_id AND t.state = 'failed'
        WHERE s.search_id = @SearchId
        ORDER BY IIF(t.seconds IS NULL, 0, 1), t.rung DESC, t.trial_id;
        SET @Message = REPLACE(@Message, N'%', N'%%');
        EXECUTE internal.EndRun @RunId, 0, @Message;
        THROW 50163, @Message, 1;
    END;

    SELECT @Name = s.name, @Version = c.version, @Auc = LTRIM(STR(t.auc, 10, 4)), @Loss = LTRIM(STR(t.log_loss, 10, 4)),
        @Settings = CONCAT(N'feature set ', t.feature_set_id, N', pooling ', t.pooling, N', ', LEFT(t.parameters, 1000))
    FROM dbo.searches AS s
    INNER JOIN dbo.search_trials AS t ON t.trial_id = s.best_trial_id
    LEFT JOIN dbo.classifiers AS c ON c.classifier_id = s.classifier_id
    WHERE s.search_id = @SearchId;
    SET @Message = CONCAT(N'Search ', @SearchId, N' is done: of ', @Count, N' trials the best is ', @Settings, N'; AUC ', @Auc,
        N' and log loss ', @Loss, N' of held-out training patients. It is ', @Name, N' version ', COALESCE(CAST(@Version AS NVARCHAR(12)),
        N'(null)'), N'.');
    EXECUTE internal.ReportStep @RunId, @Message;
    EXECUTE internal.EndRun @RunId;
END;
