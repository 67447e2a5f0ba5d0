-- ListAccounts: the accounts of the web page, without their passwords' hashes. `lungdb accounts` calls it.
-- Example: EXECUTE dbo.ListAccounts;
CREATE OR ALTER PROCEDURE dbo.ListAccounts
    @Help BIT = 0  -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.ListAccounts: the accounts of the web page, without their passwords'' hashes. `lungdb accounts` calls it.
Parameters:
    @Help BIT = 0  1 prints this help and does nothing else
Example:
    EXECUTE dbo.ListAccounts;';
        RETURN 0;
    END;

    SELECT a.name, a.role, a.sees_truth, a.loads_scans, a.is_enabled,
        CAST(IIF(a.password_hash IS NULL, 0, 1) AS BIT) AS has_password, a.created_at
    FROM dbo.accounts AS a
    ORDER BY a.name;
END;
