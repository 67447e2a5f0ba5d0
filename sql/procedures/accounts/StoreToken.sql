-- StoreToken: keeps the hash of a token for an account and returns its number. `lungdb accounts` calls it.
-- Example: EXECUTE dbo.StoreToken @Name = N'ana', @TokenName = N'nightly job', @Sha256 = @Sha256, @Days = 90;
CREATE OR ALTER PROCEDURE dbo.StoreToken
    @Name NVARCHAR(128) = NULL,      -- name of the account; needed
    @TokenName NVARCHAR(128) = NULL, -- what the token is for; needed
    @Sha256 VARBINARY(32) = NULL,    -- SHA-256 of the token; needed
    @Days INT = NULL,                -- how long the token is valid, 1 to 3660; needed
    @Help BIT = 0                    -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.StoreToken: keeps the hash of a token for an account and returns its number. `lungdb accounts` calls it.
Parameters:
    @Name NVARCHAR(128) = NULL       name of the account; needed
    @TokenName NVARCHAR(128) = NULL  what the token is for; needed
    @Sha256 VARBINARY(32) = NULL     SHA-256 of the token; needed
    @Days INT = NULL                 how long the token is valid, 1 to 3660; needed
    @Help BIT = 0                    1 prints this help and does nothing else
Example:
    EXECUTE dbo.StoreToken @Name = N''ana'', @TokenName = N''nightly job'', @Sha256 = @Sha256, @Days = 90;';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000);
    IF @Days IS NULL OR @Days NOT BETWEEN 1 AND 3660
    BEGIN
        SET @Message = CONCAT(N'The value ', COALESCE(CONVERT(NVARCHAR(20), @Days), N'NULL'),
            N' for the parameter @Days is not supported. Supported values are 1 to 3660.');
        THROW 50101, @Message, 1;
    END;
    INSERT INTO dbo.access_tokens (sha256, account_id, name, expires_at)
    SELECT @Sha256, a.account_id, @TokenName, DATEADD(DAY, @Days, SYSUTCDATETIME())
    FROM dbo.accounts AS a
    WHERE a.name = @Name;
    IF @@ROWCOUNT = 0
    BEGIN
        SET @Message = CONCAT(N'There is no account ''', REPLACE(@Name, N'%', N'%%'), N'''. See the names with: lungdb accounts list');
        THROW 50220, @Message, 1;
    END;
    SELECT t.token_id, t.expires_at FROM dbo.access_tokens AS t WHERE t.sha256 = @Sha256;
END;
