-- ExamineSchema: the schema's version, its tables, columns, constraints and indexes against what the installer has declared, and the views
-- and procedures that it made.
-- Called by Doctor, whose table #findings it fills.
CREATE OR ALTER PROCEDURE internal.ExamineSchema
AS
BEGIN
    SET NOCOUNT ON;

    DECLARE @Grant NVARCHAR(1000), @MaySee INT = 1, @Missing NVARCHAR(1500), @Versions NVARCHAR(400), @Count INT;
    BEGIN TRY
        EXECUTE sp_executesql N'SELECT @MaySee = HAS_PERMS_BY_NAME(N''dbo'', N''SCHEMA'', N''VIEW DEFINITION'')
    * HAS_PERMS_BY_NAME(N''internal'', N''SCHEMA'', N''VIEW DEFINITION'');', N'@MaySee INT OUTPUT', @MaySee OUTPUT;
    END TRY
    BEGIN CATCH
        SET @MaySee = 1;
    END CATCH;

    SET @Versions = (
        SELECT STRING_AGG(CAST(p.name AS NVARCHAR(MAX)), N', ')
        FROM dbo.declared_parts AS p
        WHERE p.kind = 'version' AND NOT EXISTS (SELECT 1 FROM dbo.schema_version AS v WHERE v.version = TRY_CAST(p.name AS INT)));
    SET @Count = (SELECT COUNT(*) FROM dbo.declared_parts AS p WHERE p.kind = 'version');
    INSERT INTO #findings (check_name, state, found, mend)
    SELECT N'schema version', CASE WHEN @Count = 0 OR @Versions IS NOT NULL OR v.latest > @Count THEN 'fault' ELSE 'ok' END,
        CASE WHEN @Count = 0 THEN N'What this version declares is not there: the last installation did not end.'
            WHEN @Versions IS NOT NULL THEN CONCAT(N'dbo.schema_version lacks ', @Versions, N'.')
            WHEN v.latest > @Count
                THEN CONCAT(N'The database is of version ', v.latest, N', and what was installed last is of version ', @Count, N'.')
            ELSE CONCAT(N'The schema is of version ', v.latest, N'.') END,
        CASE WHEN @Count = 0 OR @Versions IS NOT NULL OR v.latest > @Count THEN N'lungdb install -d TARGET' END
    FROM (SELECT MAX(s.version) AS latest FROM dbo.schema_version AS s) AS v;

    IF @MaySee = 0
    BEGIN
        SET @Grant = CONCAT(N'GRANT VIEW DEFINITION ON SCHEMA::dbo TO ', QUOTENAME(USER_NAME()),
            N'; GRANT VIEW DEFINITION ON SCHEMA::internal TO ', QUOTENAME(USER_NAME()), N';');
        EXECUTE internal.NoteUnread N'tables and indexes', NULL, NULL, @Grant;
        EXECUTE internal.NoteUnread N'views and procedures', NULL, NULL, @Grant;
        RETURN 0;
    END;
    CREATE TABLE #columns (
        table_name NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL,
        name NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL,
        type NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL,
        length INT NULL,
        digits INT NULL,
        scale INT NULL,
        is_nullable BIT NOT NULL,
        is_identity BIT NOT NULL,
        full_type NVARCHAR(200) COLLATE DATABASE_DEFAULT NOT NULL,
        default_as NVARCHAR(MAX) COLLATE DATABASE_DEFAULT NULL,
        PRIMARY KEY (table_name, name)
    );
    CREATE TABLE #members (
        position INT NOT NULL PRIMARY KEY,
        table_name NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL,
        kind NVARCHAR(20) COLLATE DATABASE_DEFAULT NOT NULL,
        name NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL,
        made_by NVARCHAR(MAX) COLLATE DATABASE_DEFAULT NOT NULL
    );
    CREATE TABLE #faults (
        position INT IDENTITY(1, 1) NOT NULL PRIMARY KEY,
        is_new_column BIT NOT NULL,
        what NVARCHAR(400) COLLATE DATABASE_DEFAULT NOT NULL,
        fault NVARCHAR(200) COLLATE DATABASE_DEFAULT NOT NULL,
        made_by NVARCHAR(MAX) COLLATE DATABASE_DEFAULT NULL
    );
    INSERT INTO #columns (table_name, name, type, length, digits, scale, is_nullable, is_identity, full_type, default_as)
    SELECT c.table_name, c.name, c.type, c.length, c.digits, c.scale, c.is_nullable, c.is_identity, c.full_type, c.default_as
    FROM dbo.declared_columns AS c;
    INSERT INTO #members (position, table_name, kind, name, made_by)
    SELECT m.position, m.table_name, m.kind, m.name, m.made_by
    FROM dbo.declared_members AS m;
    SET @Count = (SELECT COUNT(*) FROM #members);
    EXECUTE internal.CompareSchema;
    INSERT INTO #findings (check_name, state, found, mend)
    SELECT N'tables and indexes', 'fault', CONCAT(f.what, N' ', f.fault, N'.'), COALESCE(f.made_by, N'lungdb install -d TARGET')
    FROM #faults AS f
    ORDER BY f.position;
    IF NOT EXISTS (SELECT 1 FROM #faults)
        INSERT INTO #findings (check_name, state, found, mend)
        SELECT N'tables and indexes', CASE WHEN @Count = 0 THEN 'fault' ELSE 'ok' END,
            CONCAT((SELECT COUNT(DISTINCT c.table_name) FROM #columns AS c), N' tables and ', @Count,
                N' keys, indexes, checks, defaults and foreign keys are as this version declares them.'),
            CASE WHEN @Count = 0 THEN N'lungdb install -d TARGET' END;

    SET @Count = (SELECT COUNT(*) FROM dbo.declared_parts AS p WHERE p.kind IN ('view', 'procedure'));
    SET @Missing = (
        SELECT LEFT(STRING_AGG(CAST(p.name AS NVARCHAR(MAX)), N', ') WITHIN GROUP (ORDER BY p.name), 1400)
        FROM dbo.declared_parts AS p
        WHERE p.kind IN ('view', 'procedure') AND OBJECT_ID(p.name) IS NULL);
    INSERT INTO #findings (check_name, state, found, mend)
    SELECT N'views and procedures', CASE WHEN @Missing IS NOT NULL OR @Count = 0 THEN 'fault' ELSE 'ok' END,
        CASE WHEN @Missing IS NOT NULL THEN CONCAT(N'These are missing: ', @Missing, N'.')
            ELSE CONCAT(@Count, N' views and procedures are there.') END,
        CASE WHEN @Missing IS NOT NULL OR @Count = 0 THEN N'lungdb install -d TARGET' END;
    EXECUTE internal.ExamineDisabled;
END;
