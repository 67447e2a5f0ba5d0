-- ExamineSignatures: the procedures that run scripts and carry no signature of the certificate lungdb_scripts, and what its user may do.
-- Called by Doctor, whose table #findings it fills.
CREATE OR ALTER PROCEDURE internal.ExamineSignatures
    @HasPython BIT  -- 1 where the procedures that run Python are installed
AS
BEGIN
    SET NOCOUNT ON;

    DECLARE @Certificates INT, @Number INT, @Text NVARCHAR(1500), @Unsigned NVARCHAR(1500), @Grant NVARCHAR(1000), @MaySee INT = 1,
        @IsEmbedded BIT = 0, @Language NVARCHAR(128), @MayRun BIT = 0, @MayUse BIT = 1;
    IF @HasPython = 0
    BEGIN
        INSERT INTO #findings (check_name, state, found)
        VALUES (N'signatures', 'not applicable', N'The procedures that run Python are not installed (install_sql_only.sql).');
        RETURN 0;
    END;
    IF CAST(SERVERPROPERTY(N'EngineEdition') AS INT) = 0
        SET @IsEmbedded = 1;
    CREATE TABLE #signed (name NVARCHAR(260) COLLATE DATABASE_DEFAULT NOT NULL);
    BEGIN TRY
        EXECUTE sp_executesql N'SELECT @Certificates = COUNT(*) FROM sys.certificates AS c WHERE c.name = N''lungdb_scripts'';
INSERT INTO #signed (name)
SELECT CONCAT(SCHEMA_NAME(o.schema_id), N''.'', o.name)
FROM sys.crypt_properties AS p
INNER JOIN sys.certificates AS c ON c.thumbprint = p.thumbprint AND c.name = N''lungdb_scripts''
INNER JOIN sys.objects AS o ON o.object_id = p.major_id
WHERE p.class = 1;', N'@Certificates INT OUTPUT', @Certificates OUTPUT;
        BEGIN TRY
            EXECUTE sp_executesql N'SELECT @MaySee = HAS_PERMS_BY_NAME(DB_NAME(), N''DATABASE'', N''VIEW DEFINITION'');',
                N'@MaySee INT OUTPUT', @MaySee OUTPUT;
        END TRY
        BEGIN CATCH
            SET @MaySee = 1;
        END CATCH;
        IF @MaySee = 0
        BEGIN
            SET @Grant = CONCAT(N'GRANT VIEW DEFINITION TO ', QUOTENAME(USER_NAME()), N';');
            EXECUTE internal.NoteUnread N'signatures', NULL, NULL, @Grant;
            RETURN 0;
        END;
        SET @Unsigned = (
            SELECT LEFT(STRING_AGG(CAST(p.name AS NVARCHAR(MAX)), N', ') WITHIN GROUP (ORDER BY p.name), 1400)
            FROM dbo.declared_parts AS p
            WHERE p.kind = 'script' AND NOT EXISTS (SELECT 1 FROM #signed AS s WHERE s.name = p.name));
        EXECUTE internal.ReadSettings @Language OUTPUT;
        EXECUTE sp_executesql N'SELECT @MayRun = COUNT(*)
FROM sys.database_permissions AS d
INNER JOIN sys.database_principals AS p ON p.principal_id = d.grantee_principal_id
WHERE p.name = N''lungdb_scripts'' AND p.type = ''C'' AND d.state <> ''D'' AND d.permission_name = N''EXECUTE ANY EXTERNAL SCRIPT'';',
            N'@MayRun BIT OUTPUT', @MayRun OUTPUT;
        -- Python and R come with the server and need no right of their own; SQL Server 2017 has no view of languages.
        IF @Certificates > 0 AND @Language NOT IN (N'Python', N'R')
            EXECUTE sp_executesql N'SELECT @MayUse = COUNT(*)
FROM sys.database_permissions AS d
INNER JOIN sys.database_principals AS p ON p.principal_id = d.grantee_principal_id
INNER JOIN sys.external_languages AS l ON l.external_language_id = d.major_id
WHERE p.name = N''lungdb_scripts'' AND p.type = ''C'' AND d.state <> ''D'' AND d.permission_name = N''EXECUTE EXTERNAL SCRIPT''
    AND l.language = @Language;', N'@Language NVARCHAR(128), @MayUse BIT OUTPUT', @Language, @MayUse OUTPUT;
        EXECUTE internal.JudgeSignatures @IsEmbedded, @Certificates, @Unsigned, @Language, @MayRun, @MayUse;
    END TRY
    BEGIN CATCH
        SELECT @Number = ERROR_NUMBER(), @Text = ERROR_MESSAGE(),
            @Grant = CONCAT(N'GRANT VIEW DEFINITION TO ', QUOTENAME(USER_NAME()), N';');
        EXECUTE internal.NoteUnread N'signatures', @Number, @Text, @Grant;
    END CATCH;
END;
