-- What was done or refused on the web page, by whom and from which address. Patients are named by their index alone.
-- login_name is who was connected, whatever account the session names by SESSION_CONTEXT; NULL before version 10.
CREATE TABLE dbo.audit (
    audit_id BIGINT IDENTITY(1, 1) NOT NULL,
    at DATETIME2(3) NOT NULL CONSTRAINT DF_audit_at DEFAULT SYSUTCDATETIME(),
    account NVARCHAR(128) NULL,
    action VARCHAR(20) NOT NULL,
    patient_index INT NULL,
    outcome VARCHAR(10) NOT NULL,
    detail NVARCHAR(4000) NULL,
    address VARCHAR(45) NULL,
    login_name NVARCHAR(128) NULL CONSTRAINT DF_audit_login_name DEFAULT ORIGINAL_LOGIN(),
    CONSTRAINT PK_audit PRIMARY KEY (audit_id),
    CONSTRAINT CK_audit_outcome CHECK (outcome IN ('ok', 'refused', 'failed'))
);
CREATE INDEX IX_audit_patient ON dbo.audit (patient_index);
CREATE INDEX IX_audit_account ON dbo.audit (account);
