-- FindAccount: the account of a name, for signing in. The web page calls it.
-- Example: EXECUTE dbo.FindAccount @Name = N'ana';
CREATE OR ALTER PROCEDURE dbo.FindAccount
    @Name NVARCHAR(128) = NULL, -- name of the account; needed
    @Help BIT = 0               -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.FindAccount: the account of a name, for signing in. The web page calls it.
Parameters:
    @Name NVARCHAR(128) = NULL  name of the account; needed
    @Help BIT = 0               1 prints this help and does nothing else
Example:
    EXECUTE dbo.FindAccount @Name = N''ana'';';
        RETURN 0;
    END;

    SELECT a.name, a.password_hash, a.role, a.sees_truth, a.loads_scans, a.is_enabled
    FROM dbo.accounts AS a
    WHERE a.name = @Name;
END;
