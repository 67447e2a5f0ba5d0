-- JudgeSignatures: says whether the procedures that run scripts are signed, by a certificate whose user may run them.
-- Called by ExamineSignatures, whose caller's table #findings it fills.
CREATE OR ALTER PROCEDURE internal.JudgeSignatures
    @IsEmbedded BIT,           -- 1 on the embedded engine, which enforces no right
    @Certificates INT,         -- 1 where there is a certificate lungdb_scripts
    @Unsigned NVARCHAR(1500),  -- procedures that run scripts and are not signed by it, with commas, or NULL
    @Language NVARCHAR(128),   -- the setting external_language
    @MayRun BIT,               -- 1 where the certificate's user has EXECUTE ANY EXTERNAL SCRIPT
    @MayUse BIT                -- 1 where it has EXECUTE EXTERNAL SCRIPT on the language, or the language is Python or R
AS
BEGIN
    SET NOCOUNT ON;

    INSERT INTO #findings (check_name, state, found, mend)
    SELECT N'signatures', j.state,
        CASE WHEN j.state = 'not applicable' THEN N'Here nobody needs a right to call them, and nothing is signed.'
            WHEN j.state = 'warning'
                THEN N'There is no certificate lungdb_scripts: whoever runs Python needs EXECUTE ANY EXTERNAL SCRIPT of their own.'
            WHEN @Unsigned IS NOT NULL THEN CONCAT(N'Altered or made since they were signed: ', @Unsigned, N'.')
            WHEN @MayRun = 0
                THEN N'They are signed, but the certificate''s user lungdb_scripts is gone or has lost EXECUTE ANY EXTERNAL SCRIPT.'
            WHEN @MayUse = 0 THEN CONCAT(N'They are signed, but the certificate''s user lungdb_scripts may not use the language ',
                @Language, N', which the setting external_language names.')
            ELSE N'Every procedure that runs a script of ours is signed.' END,
        CASE WHEN j.state IN ('fault', 'warning') THEN N'lungdb sql -d TARGET -i sql/roles/sign.sql' END
    FROM (
        SELECT CASE WHEN @Certificates = 0 AND @IsEmbedded = 1 THEN 'not applicable' WHEN @Certificates = 0 THEN 'warning'
            WHEN @Unsigned IS NOT NULL OR @MayRun = 0 OR @MayUse = 0 THEN 'fault' ELSE 'ok' END AS state
    ) AS j;
END;
