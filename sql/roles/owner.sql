-- Gives the database to a login that nobody can use, and turns TRUSTWORTHY off: what runs as dbo then has no rights on the server.
-- Run it once, in the database, as a sysadmin; it has not been tried on a SQL Server. Running it again changes nothing.
DECLARE @Owner NVARCHAR(128) = N'lungdb_owner', @Composed NVARCHAR(MAX), @Message NVARCHAR(2048);
IF DB_NAME() IN (N'master', N'tempdb', N'model', N'msdb')
    RAISERROR(N'This is a system database. Run this in the database of lungdb.', 16, 1);
ELSE
BEGIN
    IF NOT EXISTS (SELECT 1 FROM sys.server_principals WHERE name = @Owner)
    BEGIN
        -- The password is known to nobody: it is made here, and ends with the batch.
        SET @Composed = CONCAT(N'CREATE LOGIN ', QUOTENAME(@Owner), N' WITH PASSWORD = ''',
            CONVERT(VARCHAR(64), CRYPT_GEN_RANDOM(32), 2), N'-a9Z'', CHECK_EXPIRATION = OFF;');
        EXECUTE (@Composed);
    END;
    SET @Composed = CONCAT(N'ALTER LOGIN ', QUOTENAME(@Owner), N' DISABLE; DENY CONNECT SQL TO ', QUOTENAME(@Owner), N';');
    IF EXISTS (SELECT 1 FROM sys.server_principals WHERE name = @Owner AND is_disabled = 0)
        EXECUTE (N'USE master; ' + @Composed);
    SET @Composed = CONCAT(N'ALTER AUTHORIZATION ON DATABASE::', QUOTENAME(DB_NAME()), N' TO ', QUOTENAME(@Owner), N';');
    EXECUTE (@Composed);
    SET @Composed = CONCAT(N'ALTER DATABASE ', QUOTENAME(DB_NAME()), N' SET TRUSTWORTHY OFF;');
    EXECUTE (@Composed);
    SET @Message = CONCAT(DB_NAME(), N' belongs to the disabled login ', @Owner, N', and is not trustworthy.');
    RAISERROR(N'%s', 0, 1, @Message);
END;
GO
