-- ReleaseTrials: frees the trials that a worker holds, before their lease ends; for a worker that is known to have ended.
-- Example: EXECUTE dbo.ReleaseTrials @SearchId = 1, @Worker = N'left';
CREATE OR ALTER PROCEDURE dbo.ReleaseTrials
    @SearchId INT = NULL,          -- search
    @Worker NVARCHAR(128) = NULL,  -- name that the worker gave RunSearch
    @IsAttempt BIT = 0,            -- 1 counts as one of the three workers that a trial may end, as a lease that ends does
    @Help BIT = 0                  -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.ReleaseTrials frees the trials that a worker holds, and the training of the best model, before their lease ends.
It is for a worker that is known to have ended; one that still works would do what another now does as well.
Parameters:
    @SearchId INT = NULL          search
    @Worker NVARCHAR(128) = NULL  name that the worker gave RunSearch
    @IsAttempt BIT = 0            1 counts as one of the three workers that a trial may end, as a lease that ends does
    @Help BIT = 0                 1 prints this help and does nothing else
Example:
    EXECUTE dbo.ReleaseTrials @SearchId = 1, @Worker = N''left'';';
        RETURN 0;
    END;

    DECLARE @Past DATETIME2(3) = DATEADD(SECOND, -1, SYSUTCDATETIME());
    IF @IsAttempt = 1
        UPDATE dbo.search_trials SET lease_until = @Past WHERE search_id = @SearchId AND worker = @Worker AND state = 'running';
    ELSE
        UPDATE dbo.search_trials
        SET state = 'queued', worker = NULL, lease_until = NULL, attempts = attempts - 1
        WHERE search_id = @SearchId AND worker = @Worker AND state = 'running';
    UPDATE dbo.searches SET lease_until = @Past WHERE search_id = @SearchId AND worker = @Worker AND state = 'training';
END;
