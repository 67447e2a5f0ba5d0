-- ReadPageSecret: what the web page signs its cookies with, so that nobody is signed out when it starts again; made here when there is
-- none. The web page calls it where config.py gives no web_secret; deleting the row of dbo.page_secrets makes a new one.
-- Example: EXECUTE dbo.ReadPageSecret;
CREATE OR ALTER PROCEDURE dbo.ReadPageSecret
    @Help BIT = 0  -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.ReadPageSecret: what the web page signs its cookies with, so that nobody is signed out when it starts again; made
here when there is none. The web page calls it where config.py gives no web_secret; deleting the row of dbo.page_secrets makes a new one.
Parameters:
    @Help BIT = 0  1 prints this help and does nothing else
Example:
    EXECUTE dbo.ReadPageSecret;';
        RETURN 0;
    END;

    IF NOT EXISTS (SELECT 1 FROM dbo.page_secrets)
        INSERT INTO dbo.page_secrets (secret_id, secret)
        SELECT 1, CRYPT_GEN_RANDOM(32)
        WHERE NOT EXISTS (SELECT 1 FROM dbo.page_secrets WITH (UPDLOCK, HOLDLOCK));
    SELECT secret FROM dbo.page_secrets;
END;
