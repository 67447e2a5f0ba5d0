-- UseSignInLink: the account that a link signs in, once; no row when it is unknown, used or over. The web page calls it.
-- Example: EXECUTE dbo.UseSignInLink @Sha256 = @Sha256;
CREATE OR ALTER PROCEDURE dbo.UseSignInLink
    @Sha256 VARBINARY(32) = NULL, -- SHA-256 of the link's secret; needed
    @Help BIT = 0                 -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.UseSignInLink: the account that a link signs in, once; no row when it is unknown, used or over. The web page calls it.
Parameters:
    @Sha256 VARBINARY(32) = NULL  SHA-256 of the link''s secret; needed
    @Help BIT = 0                 1 prints this help and does nothing else
Example:
    EXECUTE dbo.UseSignInLink @Sha256 = @Sha256;';
        RETURN 0;
    END;

    DECLARE @AccountId INT;
    -- Of two who use it at once the second waits here, and finds nothing.
    BEGIN TRANSACTION;
    SET @AccountId = (
        SELECT l.account_id
        FROM dbo.sign_in_links AS l WITH (UPDLOCK, HOLDLOCK)
        WHERE l.sha256 = @Sha256 AND l.expires_at > SYSUTCDATETIME()
    );
    DELETE FROM dbo.sign_in_links WHERE sha256 = @Sha256;
    COMMIT TRANSACTION;

    SELECT a.name FROM dbo.accounts AS a WHERE a.account_id = @AccountId AND a.is_enabled = 1;
END;
