-- EndSession: signs out, and with the account's last session forgets what it searched for. The web page calls it.
-- Example: EXECUTE dbo.EndSession @Sha256 = @Sha256;
CREATE OR ALTER PROCEDURE dbo.EndSession
    @Sha256 VARBINARY(32) = NULL, -- SHA-256 of the session's secret; needed
    @Help BIT = 0                 -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.EndSession: signs out, and with the account''s last session forgets what it searched for. The web page calls it.
Parameters:
    @Sha256 VARBINARY(32) = NULL  SHA-256 of the session''s secret; needed
    @Help BIT = 0                 1 prints this help and does nothing else
Example:
    EXECUTE dbo.EndSession @Sha256 = @Sha256;';
        RETURN 0;
    END;

    -- What was searched for goes with the account's last session.
    DELETE FROM dbo.page_searches
    WHERE expires_at > SYSUTCDATETIME()
        AND account_id IN (SELECT s.account_id FROM dbo.sessions AS s WHERE s.sha256 = @Sha256) AND account_id NOT IN (
        SELECT o.account_id FROM dbo.sessions AS o WHERE o.sha256 <> @Sha256 AND o.expires_at > SYSUTCDATETIME());
    DELETE FROM dbo.sessions WHERE sha256 = @Sha256;
END;
