-- ListTokens: the tokens that were given out, without their hashes. `lungdb accounts` calls it.
-- Example: EXECUTE dbo.ListTokens;
CREATE OR ALTER PROCEDURE dbo.ListTokens
    @Help BIT = 0  -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.ListTokens: the tokens that were given out, without their hashes. `lungdb accounts` calls it.
Parameters:
    @Help BIT = 0  1 prints this help and does nothing else
Example:
    EXECUTE dbo.ListTokens;';
        RETURN 0;
    END;

    SELECT t.token_id, a.name AS account, t.name, t.created_at, t.expires_at, t.revoked_at, t.last_used_at
    FROM dbo.access_tokens AS t
    INNER JOIN dbo.accounts AS a ON a.account_id = t.account_id
    ORDER BY t.token_id;
END;
