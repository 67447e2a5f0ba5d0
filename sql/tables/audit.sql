-- What was done or refused on the web page, by whom and from which address. Patients are named by their index alone.
CREATE TABLE dbo.audit (
    audit_id BIGINT IDENTITY(1, 1) NOT NULL, -- number of the line, rising with time
    at DATETIME2(3) NOT NULL CONSTRAINT DF_audit_at DEFAULT SYSUTCDATETIME(), -- when it happened, UTC
    account NVARCHAR(128) NULL,              -- account that it is about, as the page names it; NULL where nobody was signed in
    action VARCHAR(20) NOT NULL,             -- what it was, such as sign_in, view_patient, ask_score, score, explain or refused
    patient_index INT NULL,                  -- idx of the patient that it is about, as dbo.patients has it; NULL where it is about none
    outcome VARCHAR(10) NOT NULL,            -- ok, refused or failed: what became of it
    detail NVARCHAR(4000) NULL,              -- what was asked for or why it was refused, never a name or a search; NULL where nothing is to
                                             -- add
    address VARCHAR(45) NULL,                -- IP address that the request came from; NULL where it is not known
    login_name NVARCHAR(128) NULL            -- login that was connected, whatever account the session names by SESSION_CONTEXT; NULL before
                                             -- version 10
        CONSTRAINT DF_audit_login_name DEFAULT ORIGINAL_LOGIN(),
    CONSTRAINT PK_audit PRIMARY KEY (audit_id),
    CONSTRAINT CK_audit_outcome CHECK (outcome IN ('ok', 'refused', 'failed'))
);
CREATE INDEX IX_audit_patient ON dbo.audit (patient_index);
CREATE INDEX IX_audit_account ON dbo.audit (account);
CREATE INDEX IX_audit_action ON dbo.audit (action, at);
