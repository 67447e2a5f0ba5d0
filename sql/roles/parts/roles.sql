-- The end of roles.sql, which has filled #roles, #objects and #wanted: refuses what another made, then gives and takes what differs.
DECLARE @Name NVARCHAR(128), @Other NVARCHAR(400), @Message NVARCHAR(2048), @Composed NVARCHAR(MAX), @Number INT = 1, @Last INT;
DROP TABLE IF EXISTS #principals, #present, #steps;
CREATE TABLE #principals (
    principal_id INT NOT NULL PRIMARY KEY,
    name NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL,
    type NVARCHAR(1) COLLATE DATABASE_DEFAULT NOT NULL);
CREATE TABLE #present (
    role NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL,
    object NVARCHAR(400) COLLATE DATABASE_DEFAULT NOT NULL,
    permission NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL,
    state NVARCHAR(1) COLLATE DATABASE_DEFAULT NOT NULL);
CREATE TABLE #steps (number INT IDENTITY(1, 1) NOT NULL PRIMARY KEY, statement NVARCHAR(1000) COLLATE DATABASE_DEFAULT NOT NULL);

-- The catalog's texts may have another collation than the database's: they are compared as columns of these tables.
INSERT INTO #principals (principal_id, name, type)
SELECT principal_id, name, type FROM sys.database_principals;
INSERT INTO #present (role, object, permission, state)
SELECT p.name, CASE WHEN d.class = 1 AND d.minor_id = 0 THEN CONCAT(s.name, N'.', o.name)
    WHEN d.class = 1 THEN CONCAT(N'a column of ', s.name, N'.', o.name) ELSE LOWER(d.class_desc) END, d.permission_name, d.state
FROM sys.database_permissions AS d
INNER JOIN sys.database_principals AS p ON p.principal_id = d.grantee_principal_id
LEFT JOIN sys.objects AS o ON d.class = 1 AND o.object_id = d.major_id
LEFT JOIN sys.schemas AS s ON s.schema_id = o.schema_id;
DELETE FROM #present WHERE role NOT IN (SELECT name FROM #roles);

SET @Name = (SELECT MIN(p.name) FROM #principals AS p INNER JOIN #roles AS r ON r.name = p.name WHERE p.type <> N'R');
IF @Name IS NOT NULL
BEGIN
    SET @Message = CONCAT(N'The database has a user ', @Name, N', and lungdb needs a role of this name. Give the user another name ',
        N'(ALTER USER ', QUOTENAME(@Name), N' WITH NAME = …;) and run this again.');
    THROW 50430, @Message, 1;
END;
SELECT TOP (1) @Name = f.role, @Other = CONCAT(f.permission, N' on ', f.object)
FROM #present AS f
WHERE f.object NOT IN (SELECT name FROM #objects)
ORDER BY f.role, f.object, f.permission;
IF @Name IS NULL
    SELECT TOP (1) @Name = m.name, @Other = CONCAT(N'membership in ', g.name)
    FROM sys.database_role_members AS d
    INNER JOIN #principals AS m ON m.principal_id = d.member_principal_id
    INNER JOIN #principals AS g ON g.principal_id = d.role_principal_id
    WHERE m.name IN (SELECT name FROM #roles)
    ORDER BY m.name, g.name;
IF @Name IS NOT NULL
BEGIN
    SET @Message = REPLACE(CONCAT(N'The role ', @Name, N' has what lungdb does not give it: ', @Other, N'. Take that away from it, ',
        N'by REVOKE or ALTER ROLE … DROP MEMBER, give it to a role of your own, and run this again.'), N'%', N'%%');
    THROW 50431, @Message, 1;
END;

INSERT INTO #steps (statement)
SELECT CONCAT(N'CREATE ROLE ', QUOTENAME(r.name), N';')
FROM #roles AS r
WHERE r.name NOT IN (SELECT name FROM #principals)
ORDER BY r.name;
-- What was denied, or given with the right to give it on, is taken back first.
INSERT INTO #steps (statement)
SELECT CONCAT(N'REVOKE ', h.permission, N' ON OBJECT::', h.object, N' FROM ', QUOTENAME(h.role), N' CASCADE;')
FROM #present AS h
WHERE h.state <> N'G' OR NOT EXISTS (
    SELECT 1 FROM #wanted AS w WHERE w.role = h.role AND w.object = h.object AND w.permission = h.permission)
ORDER BY h.role, h.object, h.permission;
-- install_sql_only.sql makes no procedures with Python: what is not there is granted when this is run again.
INSERT INTO #steps (statement)
SELECT CONCAT(N'GRANT ', w.permission, N' ON OBJECT::', w.object, N' TO ', QUOTENAME(w.role), N';')
FROM #wanted AS w
WHERE OBJECT_ID(w.object) IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM #present AS h
    WHERE h.role = w.role AND h.object = w.object AND h.permission = w.permission AND h.state = N'G')
ORDER BY w.role, w.object, w.permission;

SET @Last = (SELECT COUNT(*) FROM #steps);
BEGIN TRANSACTION;
WHILE @Number <= @Last
BEGIN
    SET @Composed = (SELECT statement FROM #steps WHERE number = @Number);
    EXECUTE (@Composed);
    SET @Number += 1;
END;
COMMIT TRANSACTION;
SET @Message = CONCAT((SELECT COUNT(*) FROM #steps WHERE statement LIKE N'CREATE%'), N' roles made, ',
    (SELECT COUNT(*) FROM #steps WHERE statement LIKE N'GRANT%'), N' rights given, ',
    (SELECT COUNT(*) FROM #steps WHERE statement LIKE N'REVOKE%'), N' taken back, ',
    (SELECT COUNT(*) FROM #objects WHERE OBJECT_ID(name) IS NULL), N' objects not installed here.');
RAISERROR(N'%s', 0, 1, @Message);
