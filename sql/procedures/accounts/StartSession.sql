-- StartSession: keeps the hash of a session's secret after somebody signed in, and forgets sessions and searches that are over.
-- The web page calls it.
-- Example: EXECUTE dbo.StartSession @Name = N'ana', @Sha256 = @Sha256, @Hours = 12;
CREATE OR ALTER PROCEDURE dbo.StartSession
    @Name NVARCHAR(128) = NULL,   -- name of the account; needed
    @Sha256 VARBINARY(32) = NULL, -- SHA-256 of the session's secret; needed
    @Hours INT = NULL,            -- after this time the session ends in any case; needed
    @Help BIT = 0                 -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.StartSession: keeps the hash of a session''s secret after somebody signed in, and forgets sessions and searches that are
over. The web page calls it.
Parameters:
    @Name NVARCHAR(128) = NULL    name of the account; needed
    @Sha256 VARBINARY(32) = NULL  SHA-256 of the session''s secret; needed
    @Hours INT = NULL             after this time the session ends in any case; needed
    @Help BIT = 0                 1 prints this help and does nothing else
Example:
    EXECUTE dbo.StartSession @Name = N''ana'', @Sha256 = @Sha256, @Hours = 12;';
        RETURN 0;
    END;

    DELETE FROM dbo.sessions WHERE expires_at <= SYSUTCDATETIME();
    DELETE FROM dbo.page_searches WHERE expires_at <= SYSUTCDATETIME();
    INSERT INTO dbo.sessions (sha256, account_id, expires_at)
    SELECT @Sha256, a.account_id, DATEADD(HOUR, @Hours, SYSUTCDATETIME())
    FROM dbo.accounts AS a
    WHERE a.name = @Name AND a.is_enabled = 1;
END;
