-- KeepSearch: keeps what an account searches the worklist for under the hash of a random name, and forgets what is over.
-- The web page calls it.
-- Example: EXECUTE dbo.KeepSearch @Sha256 = @Sha256, @Account = N'ana', @Search = N'an', @Hours = 12;
CREATE OR ALTER PROCEDURE dbo.KeepSearch
    @Sha256 VARBINARY(32) = NULL,  -- SHA-256 of the random name; needed
    @Account NVARCHAR(128) = NULL, -- name of the account that searches; needed
    @Search NVARCHAR(256) = NULL,  -- text that is searched for; needed
    @Hours INT = NULL,             -- after this time it is forgotten; needed
    @Help BIT = 0                  -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.KeepSearch: keeps what an account searches the worklist for under the hash of a random name, and forgets what is over.
The web page calls it.
Parameters:
    @Sha256 VARBINARY(32) = NULL   SHA-256 of the random name; needed
    @Account NVARCHAR(128) = NULL  name of the account that searches; needed
    @Search NVARCHAR(256) = NULL   text that is searched for; needed
    @Hours INT = NULL              after this time it is forgotten; needed
    @Help BIT = 0                  1 prints this help and does nothing else
Example:
    EXECUTE dbo.KeepSearch @Sha256 = @Sha256, @Account = N''ana'', @Search = N''an'', @Hours = 12;';
        RETURN 0;
    END;

    DELETE FROM dbo.page_searches WHERE expires_at <= SYSUTCDATETIME();
    INSERT INTO dbo.page_searches (sha256, account_id, search, expires_at)
    SELECT @Sha256, a.account_id, @Search, DATEADD(HOUR, @Hours, SYSUTCDATETIME())
    FROM dbo.accounts AS a
    WHERE a.name = @Account AND a.is_enabled = 1;
END;
