-- FindSession: the account whose session it is; no row when the session or its account has ended. The web page calls it.
-- Example: EXECUTE dbo.FindSession @Sha256 = @Sha256, @IdleMinutes = 60;
CREATE OR ALTER PROCEDURE dbo.FindSession
    @Sha256 VARBINARY(32) = NULL, -- SHA-256 of the session's secret; needed
    @IdleMinutes INT = NULL,      -- a session not used for this long is over; needed
    @Help BIT = 0                 -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.FindSession: the account whose session it is; no row when the session or its account has ended. The web page calls it.
Parameters:
    @Sha256 VARBINARY(32) = NULL  SHA-256 of the session''s secret; needed
    @IdleMinutes INT = NULL       a session not used for this long is over; needed
    @Help BIT = 0                 1 prints this help and does nothing else
Example:
    EXECUTE dbo.FindSession @Sha256 = @Sha256, @IdleMinutes = 60;';
        RETURN 0;
    END;

    DECLARE @Now DATETIME2(3) = SYSUTCDATETIME();

    SELECT a.name, a.role, a.sees_truth, a.loads_scans
    FROM dbo.sessions AS s
    INNER JOIN dbo.accounts AS a ON a.account_id = s.account_id
    WHERE s.sha256 = @Sha256 AND a.is_enabled = 1 AND s.expires_at > @Now AND s.last_seen_at > DATEADD(MINUTE, -@IdleMinutes, @Now);

    -- Once a minute is enough, and spares the reader of many slices as many writes.
    IF EXISTS (SELECT 1 FROM dbo.sessions WHERE sha256 = @Sha256 AND last_seen_at <= DATEADD(MINUTE, -1, @Now))
        UPDATE dbo.sessions
        SET last_seen_at = @Now
        WHERE sha256 = @Sha256 AND last_seen_at > DATEADD(MINUTE, -@IdleMinutes, @Now);
END;
