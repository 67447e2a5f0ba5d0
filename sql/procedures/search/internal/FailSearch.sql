-- FailSearch: ends a search that is not finished as failed, with the trials that nobody has finished; what was measured stays.
-- Called by EndSearch and ReadTrialVectors.
CREATE OR ALTER PROCEDURE internal.FailSearch
    @SearchId INT,          -- search
    @Reason NVARCHAR(2000)  -- why, as the error of its trials
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    BEGIN TRANSACTION;
    UPDATE dbo.searches SET state = 'failed', lease_until = NULL WHERE search_id = @SearchId AND state IN ('running', 'training');
    UPDATE dbo.search_trials
    SET state = 'failed', error = @Reason, lease_until = NULL
    WHERE search_id = @SearchId AND state IN ('queued', 'running');
    COMMIT TRANSACTION;
END;
