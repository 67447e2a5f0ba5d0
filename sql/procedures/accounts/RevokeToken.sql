-- RevokeToken: ends a token for good. `lungdb accounts` calls it.
-- Example: EXECUTE dbo.RevokeToken @TokenId = 3;
CREATE OR ALTER PROCEDURE dbo.RevokeToken
    @TokenId INT = NULL, -- number of the token, from ListTokens; needed
    @Help BIT = 0        -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.RevokeToken: ends a token for good. `lungdb accounts` calls it.
Parameters:
    @TokenId INT = NULL  number of the token, from ListTokens; needed
    @Help BIT = 0        1 prints this help and does nothing else
Example:
    EXECUTE dbo.RevokeToken @TokenId = 3;';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000);
    UPDATE dbo.access_tokens SET revoked_at = SYSUTCDATETIME() WHERE token_id = @TokenId AND revoked_at IS NULL;
    IF @@ROWCOUNT = 0
    BEGIN
        SET @Message = CONCAT(N'There is no valid token of the number ', COALESCE(CONVERT(NVARCHAR(20), @TokenId), N'NULL'),
            N'. See the numbers with: lungdb accounts list');
        THROW 50222, @Message, 1;
    END;
END;
