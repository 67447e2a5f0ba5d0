-- StoreSignInLink: keeps the hash of a link by which an account signs in once, and forgets links that are over.
-- `lungdb accounts` calls it.
-- Example: EXECUTE dbo.StoreSignInLink @Name = N'ana', @Sha256 = @Sha256, @Minutes = 15;
CREATE OR ALTER PROCEDURE dbo.StoreSignInLink
    @Name NVARCHAR(128) = NULL,   -- name of the account; needed
    @Sha256 VARBINARY(32) = NULL, -- SHA-256 of the link's secret; needed
    @Minutes INT = NULL,          -- how long the link is valid, 1 to 1440; needed
    @Help BIT = 0                 -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.StoreSignInLink: keeps the hash of a link by which an account signs in once, and forgets links that are over.
`lungdb accounts` calls it.
Parameters:
    @Name NVARCHAR(128) = NULL    name of the account; needed
    @Sha256 VARBINARY(32) = NULL  SHA-256 of the link''s secret; needed
    @Minutes INT = NULL           how long the link is valid, 1 to 1440; needed
    @Help BIT = 0                 1 prints this help and does nothing else
Example:
    EXECUTE dbo.StoreSignInLink @Name = N''ana'', @Sha256 = @Sha256, @Minutes = 15;';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000);
    IF @Minutes IS NULL OR @Minutes NOT BETWEEN 1 AND 1440
    BEGIN
        SET @Message = CONCAT(N'The value ', COALESCE(CONVERT(NVARCHAR(20), @Minutes), N'NULL'),
            N' for the parameter @Minutes is not supported. Supported values are 1 to 1440.');
        THROW 50101, @Message, 1;
    END;
    DELETE FROM dbo.sign_in_links WHERE expires_at <= SYSUTCDATETIME();
    INSERT INTO dbo.sign_in_links (sha256, account_id, expires_at)
    SELECT @Sha256, a.account_id, DATEADD(MINUTE, @Minutes, SYSUTCDATETIME())
    FROM dbo.accounts AS a
    WHERE a.name = @Name AND a.is_enabled = 1;
    IF @@ROWCOUNT = 0
    BEGIN
        SET @Message = CONCAT(N'There is no enabled account ''', REPLACE(@Name, N'%', N'%%'),
            N'''. See the names with: lungdb accounts list');
        THROW 50220, @Message, 1;
    END;
    SELECT l.expires_at FROM dbo.sign_in_links AS l WHERE l.sha256 = @Sha256;
END;
