-- The end of sign.sql, which has filled #signed and #read: refuses what another made, then signs all of it anew in one transaction.
-- The password is made here and ends with the batch; once the private key is removed nobody can sign with the certificate again.
DECLARE @Language NVARCHAR(128) = (SELECT value FROM dbo.settings WHERE name = N'external_language'), @Name NVARCHAR(300),
    @Message NVARCHAR(2048), @Composed NVARCHAR(MAX), @Password NVARCHAR(100), @Number INT = 1, @Last INT;
DROP TABLE IF EXISTS #keys, #steps;
CREATE TABLE #keys (kind NVARCHAR(20) COLLATE DATABASE_DEFAULT NOT NULL, name NVARCHAR(300) COLLATE DATABASE_DEFAULT NOT NULL,
    tells NVARCHAR(4000) COLLATE DATABASE_DEFAULT NULL);
CREATE TABLE #steps (number INT IDENTITY(1, 1) NOT NULL PRIMARY KEY, statement NVARCHAR(1000) COLLATE DATABASE_DEFAULT NOT NULL);

-- The catalog's texts may have another collation than the database's: they are compared as columns of this table.
INSERT INTO #keys (kind, name, tells)
SELECT N'certificate', name, subject FROM sys.certificates;
INSERT INTO #keys (kind, name, tells)
SELECT N'user', name, type FROM sys.database_principals;
INSERT INTO #keys (kind, name, tells)
SELECT N'signature', CONCAT(s.name, N'.', o.name), k.name
FROM sys.crypt_properties AS c
INNER JOIN sys.certificates AS k ON k.thumbprint = c.thumbprint
INNER JOIN sys.objects AS o ON c.class = 1 AND o.object_id = c.major_id
INNER JOIN sys.schemas AS s ON s.schema_id = o.schema_id;
DELETE FROM #keys WHERE N'lungdb_scripts' <> CASE kind WHEN N'signature' THEN tells ELSE name END;

IF EXISTS (SELECT 1 FROM #keys WHERE kind = N'certificate' AND tells <> N'lungdb: procedures that run external scripts')
    SET @Message = N'The database has a certificate lungdb_scripts that lungdb did not make: its subject is another.';
ELSE IF EXISTS (SELECT 1 FROM #keys WHERE kind = N'user' AND tells <> N'C')
    SET @Message = N'The database has a user or role lungdb_scripts that belongs to no certificate.';
IF @Message IS NOT NULL
BEGIN
    SET @Message += N' Nothing was changed. Drop it, or make it anew under another name, and run this again.';
    THROW 50432, @Message, 1;
END;
SET @Name = (SELECT MIN(name) FROM #keys WHERE kind = N'signature' AND name NOT LIKE N'dbo.%' AND name NOT LIKE N'internal.%');
IF @Name IS NOT NULL
BEGIN
    SET @Message = CONCAT(@Name, N' is signed by the certificate lungdb_scripts, and is no procedure of lungdb. Nothing was changed. ',
        N'DROP SIGNATURE FROM ', @Name, N' BY CERTIFICATE lungdb_scripts; sign it by a certificate of your own, and run this again.');
    SET @Message = REPLACE(@Message, N'%', N'%%');
    THROW 50433, @Message, 1;
END;

-- 32 random bytes as digits and capitals, with a small letter and a sign for what a policy of passwords may ask.
SET @Password = CONCAT(CONVERT(VARCHAR(64), CRYPT_GEN_RANDOM(32), 2), N'-a9Z');
INSERT INTO #steps (statement)
SELECT CONCAT(N'DROP SIGNATURE FROM OBJECT::', name, N' BY CERTIFICATE lungdb_scripts;')
FROM #keys
WHERE kind = N'signature'
ORDER BY name;
INSERT INTO #steps (statement)
SELECT N'DROP USER lungdb_scripts;' FROM #keys WHERE kind = N'user';
INSERT INTO #steps (statement)
SELECT N'DROP CERTIFICATE lungdb_scripts;' FROM #keys WHERE kind = N'certificate';
INSERT INTO #steps (statement)
VALUES
    (N'CREATE CERTIFICATE lungdb_scripts ENCRYPTION BY PASSWORD = ''?''
WITH SUBJECT = ''lungdb: procedures that run external scripts'', EXPIRY_DATE = ''20991231'';'),
    (N'CREATE USER lungdb_scripts FOR CERTIFICATE lungdb_scripts;');
INSERT INTO #steps (statement)
SELECT CONCAT(N'ADD SIGNATURE TO OBJECT::', name, N' BY CERTIFICATE lungdb_scripts WITH PASSWORD = ''?'';')
FROM #signed
WHERE OBJECT_ID(name) IS NOT NULL
ORDER BY name;
INSERT INTO #steps (statement)
VALUES
    (N'ALTER CERTIFICATE lungdb_scripts REMOVE PRIVATE KEY;'),
    (N'GRANT EXECUTE ANY EXTERNAL SCRIPT TO lungdb_scripts;');
-- Python and R come with the server, and SQL Server 2017 knows no others: only a language of one's own has a right of its own.
IF @Language NOT IN (N'Python', N'R')
    INSERT INTO #steps (statement)
    VALUES (CONCAT(N'GRANT EXECUTE EXTERNAL SCRIPT ON EXTERNAL LANGUAGE::', QUOTENAME(@Language), N' TO lungdb_scripts;'));
INSERT INTO #steps (statement)
SELECT CONCAT(N'GRANT SELECT ON OBJECT::', name, N' TO lungdb_scripts;') FROM #read ORDER BY name;

SET @Last = (SELECT COUNT(*) FROM #steps);
BEGIN TRANSACTION;
WHILE @Number <= @Last
BEGIN
    -- The password is in no table: it stands in the text that is executed and nowhere else.
    SET @Composed = (SELECT REPLACE(statement, N'''?''', CONCAT(N'''', @Password, N'''')) FROM #steps WHERE number = @Number);
    EXECUTE (@Composed);
    SET @Number += 1;
END;
COMMIT TRANSACTION;
SET @Message = CONCAT((SELECT COUNT(*) FROM #steps WHERE statement LIKE N'ADD SIGNATURE%'),
    N' procedures that run external scripts are signed by the certificate lungdb_scripts.');
RAISERROR(N'%s', 0, 1, @Message);
