-- The end of uninstall.sql, once the procedures are gone: the certificate's user, the certificate, members, roles.
DECLARE @Composed NVARCHAR(1000), @Number INT = 1, @Last INT;
DROP TABLE IF EXISTS #principals, #steps;
CREATE TABLE #principals (
    principal_id INT NOT NULL PRIMARY KEY,
    name NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL,
    type NVARCHAR(1) COLLATE DATABASE_DEFAULT NOT NULL);
CREATE TABLE #steps (number INT IDENTITY(1, 1) NOT NULL PRIMARY KEY, statement NVARCHAR(1000) COLLATE DATABASE_DEFAULT NOT NULL);
INSERT INTO #principals (principal_id, name, type)
SELECT principal_id, name, type FROM sys.database_principals;
INSERT INTO #steps (statement)
SELECT N'DROP USER lungdb_scripts;' FROM #principals WHERE name = N'lungdb_scripts' AND type = N'C';
INSERT INTO #steps (statement)
SELECT N'DROP CERTIFICATE lungdb_scripts;'
FROM sys.certificates
WHERE name = N'lungdb_scripts' AND subject = N'lungdb: procedures that run external scripts';
INSERT INTO #steps (statement)
SELECT CONCAT(N'ALTER ROLE ', QUOTENAME(g.name), N' DROP MEMBER ', QUOTENAME(m.name), N';')
FROM sys.database_role_members AS d
INNER JOIN #principals AS g ON g.principal_id = d.role_principal_id
INNER JOIN #principals AS m ON m.principal_id = d.member_principal_id
WHERE g.name IN (
        N'every role')
ORDER BY g.name, m.name;
INSERT INTO #steps (statement)
SELECT CONCAT(N'DROP ROLE ', QUOTENAME(name), N';')
FROM #principals
WHERE type = N'R' AND name IN (
        N'every role')
ORDER BY name;
SET @Last = (SELECT COUNT(*) FROM #steps);
WHILE @Number <= @Last
BEGIN
    SET @Composed = (SELECT statement FROM #steps WHERE number = @Number);
    EXECUTE (@Composed);
    SET @Number += 1;
END;
