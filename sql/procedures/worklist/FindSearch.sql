-- FindSearch: what an account searches the worklist for; no row when it is forgotten, or another account's. The web page calls it.
-- Example: EXECUTE dbo.FindSearch @Sha256 = @Sha256, @Account = N'ana';
CREATE OR ALTER PROCEDURE dbo.FindSearch
    @Sha256 VARBINARY(32) = NULL,  -- SHA-256 of the random name that KeepSearch was given; needed
    @Account NVARCHAR(128) = NULL, -- name of the account that searches; needed
    @Help BIT = 0                  -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.FindSearch: what an account searches the worklist for; no row when it is forgotten, or another account''s.
The web page calls it.
Parameters:
    @Sha256 VARBINARY(32) = NULL   SHA-256 of the random name that KeepSearch was given; needed
    @Account NVARCHAR(128) = NULL  name of the account that searches; needed
    @Help BIT = 0                  1 prints this help and does nothing else
Example:
    EXECUTE dbo.FindSearch @Sha256 = @Sha256, @Account = N''ana'';';
        RETURN 0;
    END;

    SELECT s.search
    FROM dbo.page_searches AS s
    INNER JOIN dbo.accounts AS a ON a.account_id = s.account_id
    WHERE s.sha256 = @Sha256 AND a.name = @Account AND s.expires_at > SYSUTCDATETIME();
END;
