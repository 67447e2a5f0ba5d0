-- Version: one row with the version of the package that was installed, of the schema, and of the server.
-- Example: EXECUTE dbo.Version;
CREATE OR ALTER PROCEDURE dbo.Version
    @Help BIT = 0 -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.Version returns one row: package_version, of the installer that was run last; schema_version, of the tables;
installed_at, when that installer came to its end, in UTC; product, edition and product_version of the server.
Parameters:
    @Help BIT = 0  1 prints this help and does nothing else
Example:
    EXECUTE dbo.Version;';
        RETURN 0;
    END;

    SELECT i.package_version, (SELECT MAX(version) FROM dbo.schema_version) AS schema_version, i.installed_at,
        LEFT(@@VERSION, 200) AS product, CAST(SERVERPROPERTY('Edition') AS NVARCHAR(128)) AS edition,
        CAST(SERVERPROPERTY('ProductVersion') AS NVARCHAR(128)) AS product_version
    FROM (SELECT 1 AS one) AS o
    LEFT JOIN (SELECT TOP (1) package_version, installed_at FROM dbo.installations ORDER BY installed_at DESC) AS i ON 1 = 1;
END;
