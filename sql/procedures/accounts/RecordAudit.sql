-- RecordAudit: one line of what was done or refused. The web page calls it.
-- Example: EXECUTE dbo.RecordAudit @Action = 'view_patient', @PatientIndex = 0;
CREATE OR ALTER PROCEDURE dbo.RecordAudit
    @Action VARCHAR(20) = NULL,     -- what it was, such as sign_in, view_patient, ask_score, score, explain or refused; needed
    @PatientIndex INT = NULL,       -- index of the patient that it is about
    @Outcome VARCHAR(10) = 'ok',    -- ok, refused or failed
    @Detail NVARCHAR(4000) = NULL,  -- what was asked for or why it was refused; never a name or a search
    @Address VARCHAR(45) = NULL,    -- address that the request came from
    @Account NVARCHAR(128) = NULL,  -- account that it is about; NULL means the session's user
    @Help BIT = 0                   -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.RecordAudit: one line of what was done or refused. The web page calls it.
Parameters:
    @Action VARCHAR(20) = NULL     what it was, such as sign_in, view_patient, ask_score, score, explain or refused; needed
    @PatientIndex INT = NULL       index of the patient that it is about
    @Outcome VARCHAR(10) = ''ok''    ok, refused or failed
    @Detail NVARCHAR(4000) = NULL  what was asked for or why it was refused; never a name or a search
    @Address VARCHAR(45) = NULL    address that the request came from
    @Account NVARCHAR(128) = NULL  account that it is about; NULL means the session''s user
    @Help BIT = 0                  1 prints this help and does nothing else
Example:
    EXECUTE dbo.RecordAudit @Action = ''view_patient'', @PatientIndex = 0;';
        RETURN 0;
    END;

    INSERT INTO dbo.audit (account, action, patient_index, outcome, detail, address)
    VALUES (COALESCE(@Account, CAST(SESSION_CONTEXT(N'user') AS NVARCHAR(128))), @Action, @PatientIndex, @Outcome, @Detail, @Address);
END;
