-- ExamineRuntime: whether external scripts are allowed and running, and whether the language of the settings is registered.
-- Called by Doctor, whose table #findings it fills.
CREATE OR ALTER PROCEDURE internal.ExamineRuntime
    @HasPython BIT  -- 1 where the procedures that run Python are installed
AS
BEGIN
    SET NOCOUNT ON;

    DECLARE @Language NVARCHAR(128), @Configured INT, @Running INT, @Number INT, @Text NVARCHAR(1500), @Grant NVARCHAR(1000), @IsThere BIT,
        @Others NVARCHAR(1000),
        @MaySee INT;
    IF @HasPython = 0
    BEGIN
        INSERT INTO #findings (check_name, state, found)
        SELECT n.name, 'not applicable', N'The procedures that run Python are not installed (install_sql_only.sql).'
        FROM (VALUES (N'external scripts'), (N'language')) AS n (name);
        RETURN 0;
    END;

    BEGIN TRY
        EXECUTE sp_executesql N'SELECT @Configured = CAST(c.value AS INT), @Running = CAST(c.value_in_use AS INT)
FROM sys.configurations AS c WHERE c.name = N''external scripts enabled'';',
            N'@Configured INT OUTPUT, @Running INT OUTPUT', @Configured OUTPUT, @Running OUTPUT;
        EXECUTE internal.JudgeScripts @Configured, @Running;
    END TRY
    BEGIN CATCH
        SELECT @Number = ERROR_NUMBER(), @Text = ERROR_MESSAGE();
        EXECUTE internal.NoteUnread N'external scripts', @Number, @Text, N'GRANT VIEW ANY DEFINITION TO public;';
    END CATCH;

    EXECUTE internal.ReadSettings @Language OUTPUT;
    BEGIN TRY
        EXECUTE sp_executesql N'SELECT @IsThere = MAX(CASE WHEN l.language = @Language THEN 1 ELSE 0 END),
    @Others = STRING_AGG(CASE WHEN l.language <> N''R'' AND l.language <> @Language THEN CAST(l.language AS NVARCHAR(MAX)) END, N'', '')
FROM sys.external_languages AS l;',
            N'@Language NVARCHAR(128), @IsThere BIT OUTPUT, @Others NVARCHAR(1000) OUTPUT', @Language, @IsThere OUTPUT, @Others OUTPUT;
        -- The catalog shows a language only to who has a right on it.
        SET @MaySee = 1;
        BEGIN TRY
            EXECUTE sp_executesql N'SELECT @MaySee = HAS_PERMS_BY_NAME(DB_NAME(), N''DATABASE'', N''VIEW DEFINITION'');',
                N'@MaySee INT OUTPUT', @MaySee OUTPUT;
        END TRY
        BEGIN CATCH
            SET @MaySee = 1;
        END CATCH;
        IF COALESCE(@IsThere, 0) = 0 AND @Language <> N'Python' AND @MaySee = 0
        BEGIN
            SET @Grant = CONCAT(N'GRANT VIEW DEFINITION TO ', QUOTENAME(USER_NAME()), N';');
            EXECUTE internal.NoteUnread N'language', NULL, NULL, @Grant;
        END;
        ELSE
            EXECUTE internal.JudgeLanguage @Language, @IsThere, @Others;
    END TRY
    BEGIN CATCH
        SELECT @Number = ERROR_NUMBER(), @Text = ERROR_MESSAGE();
        EXECUTE internal.NoteUnread N'language', @Number, @Text, N'GRANT VIEW DEFINITION TO public;';
    END CATCH;
END;
