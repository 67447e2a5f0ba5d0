-- JudgeLanguage: says whether the language of the setting external_language is one that scripts can run in.
-- Called by ExamineRuntime, whose caller's table #findings it fills.
CREATE OR ALTER PROCEDURE internal.JudgeLanguage
    @Language NVARCHAR(128),  -- the setting
    @IsThere BIT,             -- 1 where sys.external_languages has it
    @Others NVARCHAR(1000)    -- the other languages there, with commas, or NULL
AS
BEGIN
    SET NOCOUNT ON;

    -- Python is reserved for the language that setup brings; what runs under that name is what CheckRuntime finds.
    INSERT INTO #findings (check_name, state, found, mend)
    SELECT N'language', CASE WHEN @IsThere = 1 OR @Language = N'Python' THEN 'ok' ELSE 'fault' END,
        CASE WHEN @IsThere = 1 OR @Language = N'Python' THEN CONCAT(N'The setting external_language is ', @Language, N'.')
            ELSE CONCAT(N'The setting external_language is ', @Language, N', which is not registered in this database. There are: ',
                COALESCE(@Others, N'none'), N'.') END,
        CASE WHEN @IsThere = 1 OR @Language = N'Python' THEN NULL
            WHEN @Others IS NULL THEN CONCAT(N'CREATE EXTERNAL LANGUAGE ', QUOTENAME(@Language),
                N' FROM (CONTENT = N''PATH OF THE ZIP'', FILE_NAME = N''pythonextension.dll''); ',
                N'-- docs/install-sql-server.md; then sql/roles/sign.sql')
            ELSE CONCAT(N'UPDATE dbo.settings SET value = N''', REPLACE(LEFT(@Others, CHARINDEX(N',', @Others + N',') - 1), N'''', N''''''),
                N''' WHERE name = N''external_language''; -- then sql/roles/sign.sql') END;
END;
