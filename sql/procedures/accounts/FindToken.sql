-- FindToken: the account that a token speaks for; no row when the token or its account has ended. The web page calls it.
-- Example: EXECUTE dbo.FindToken @Sha256 = @Sha256;
CREATE OR ALTER PROCEDURE dbo.FindToken
    @Sha256 VARBINARY(32) = NULL, -- SHA-256 of the token; needed
    @Help BIT = 0                 -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.FindToken: the account that a token speaks for; no row when the token or its account has ended. The web page calls it.
Parameters:
    @Sha256 VARBINARY(32) = NULL  SHA-256 of the token; needed
    @Help BIT = 0                 1 prints this help and does nothing else
Example:
    EXECUTE dbo.FindToken @Sha256 = @Sha256;';
        RETURN 0;
    END;

    DECLARE @Now DATETIME2(3) = SYSUTCDATETIME();

    SELECT a.name, a.role, a.sees_truth, a.loads_scans
    FROM dbo.access_tokens AS t
    INNER JOIN dbo.accounts AS a ON a.account_id = t.account_id
    WHERE t.sha256 = @Sha256 AND a.is_enabled = 1 AND t.revoked_at IS NULL AND t.expires_at > @Now;

    IF EXISTS (SELECT 1 FROM dbo.access_tokens WHERE sha256 = @Sha256 AND COALESCE(last_used_at, created_at) <= DATEADD(MINUTE, -1, @Now))
        UPDATE dbo.access_tokens
        SET last_used_at = @Now
        WHERE sha256 = @Sha256 AND revoked_at IS NULL AND expires_at > @Now;
END;
