-- HasAccounts: whether anybody can sign in to the web page. `lungdb serve` calls it with the page's own rights.
-- Example: EXECUTE dbo.HasAccounts;
CREATE OR ALTER PROCEDURE dbo.HasAccounts
    @Help BIT = 0  -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.HasAccounts: whether anybody can sign in to the web page. `lungdb serve` calls it with the page''s own rights.
Parameters:
    @Help BIT = 0  1 prints this help and does nothing else
Example:
    EXECUTE dbo.HasAccounts;';
        RETURN 0;
    END;

    SELECT CAST(IIF(EXISTS (SELECT 1 FROM dbo.accounts AS a WHERE a.is_enabled = 1), 1, 0) AS BIT) AS has_accounts;
END;
