-- RenewPasswordHash: stores a stronger hash of the same password, unless the password was changed meanwhile. The web page calls it.
-- Example: EXECUTE dbo.RenewPasswordHash @Name = N'ana', @Before = N'$argon2id$…', @After = N'$argon2id$…';
CREATE OR ALTER PROCEDURE dbo.RenewPasswordHash
    @Name NVARCHAR(128) = NULL,   -- name of the account; needed
    @Before NVARCHAR(200) = NULL, -- hash that the password was checked against; needed
    @After NVARCHAR(200) = NULL,  -- new hash of the same password; needed
    @Help BIT = 0                 -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.RenewPasswordHash: stores a stronger hash of the same password, unless the password was changed meanwhile.
The web page calls it.
Parameters:
    @Name NVARCHAR(128) = NULL    name of the account; needed
    @Before NVARCHAR(200) = NULL  hash that the password was checked against; needed
    @After NVARCHAR(200) = NULL   new hash of the same password; needed
    @Help BIT = 0                 1 prints this help and does nothing else
Example:
    EXECUTE dbo.RenewPasswordHash @Name = N''ana'', @Before = N''$argon2id$…'', @After = N''$argon2id$…'';';
        RETURN 0;
    END;

    UPDATE dbo.accounts SET password_hash = @After WHERE name = @Name AND password_hash = @Before;
END;
