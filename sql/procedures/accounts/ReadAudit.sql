-- ReadAudit: who did what on the web page, newest first.
-- Example: EXECUTE dbo.ReadAudit @PatientIndex = 0;
CREATE OR ALTER PROCEDURE dbo.ReadAudit
    @Account NVARCHAR(128) = NULL, -- only what this account did
    @PatientIndex INT = NULL,      -- only what was done with this patient, and lists that showed it
    @Limit INT = 50,               -- most rows, 1 to 100000
    @Action VARCHAR(20) = NULL,    -- only what was done so, such as view_patient or refused
    @From DATETIME2(3) = NULL,     -- UTC: only what was done then or later
    @To DATETIME2(3) = NULL,       -- UTC: only what was done before
    @Before BIGINT = NULL,         -- audit_id; only rows older than this one
    @Help BIT = 0                  -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.ReadAudit lists who did what on the web page, newest first: sign-ins, views of patients, scores, and what was refused.
Parameters:
    @Account NVARCHAR(128) = NULL  only what this account did
    @PatientIndex INT = NULL       only what was done with this patient, and lists that showed it
    @Limit INT = 50                most rows, 1 to 100000
    @Action VARCHAR(20) = NULL     only what was done so, such as view_patient or refused
    @From DATETIME2(3) = NULL      UTC: only what was done then or later
    @To DATETIME2(3) = NULL        UTC: only what was done before
    @Before BIGINT = NULL          audit_id; only rows older than this one
    @Help BIT = 0                  1 prints this help and does nothing else
Examples:
    EXECUTE dbo.ReadAudit;
    EXECUTE dbo.ReadAudit @Account = N''ana'', @Limit = 500;';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000);
    IF @Limit IS NULL OR @Limit NOT BETWEEN 1 AND 100000
    BEGIN
        SET @Message = CONCAT(N'The value ', COALESCE(CONVERT(NVARCHAR(20), @Limit), N'NULL'),
            N' for the parameter @Limit is not supported. Supported values are 1 to 100000.');
        THROW 50101, @Message, 1;
    END;

    SELECT TOP (@Limit) u.audit_id, u.at, u.account, u.action, u.patient_index, u.outcome, u.detail, u.address, u.login_name
    FROM dbo.audit AS u
    WHERE (@Account IS NULL OR u.account = @Account)
        AND (@Action IS NULL OR u.action = @Action)
        AND (@From IS NULL OR u.at >= @From)
        AND (@To IS NULL OR u.at < @To)
        AND (@Before IS NULL OR u.audit_id < @Before)
        AND (@PatientIndex IS NULL OR u.patient_index = @PatientIndex
            -- Lists name theirs in detail, as in: patients: 0, 12, 7
            OR u.action IN ('view_list', 'search', 'view_patient', 'ask_score', 'score', 'view_truth', 'load')
                AND CONCAT(REPLACE(u.detail, N':', N','), N',') LIKE CONCAT(N'%, ', @PatientIndex, N',%'))
    ORDER BY u.audit_id DESC
    OPTION (RECOMPILE);
END;
