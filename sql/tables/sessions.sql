-- Somebody signed in to the web page. The row goes when the session ends.
CREATE TABLE dbo.sessions (
    sha256 VARBINARY(32) NOT NULL,    -- SHA-256 of the secret in the browser's cookie
    account_id INT NOT NULL,          -- account that is signed in
    created_at DATETIME2(3) NOT NULL CONSTRAINT DF_sessions_created_at DEFAULT SYSUTCDATETIME(), -- when it was signed in, UTC
    last_seen_at DATETIME2(3) NOT NULL -- when it was last used, UTC, to a minute
        CONSTRAINT DF_sessions_last_seen_at DEFAULT SYSUTCDATETIME(),
    expires_at DATETIME2(3) NOT NULL, -- UTC, when it ends whatever happens
    CONSTRAINT PK_sessions PRIMARY KEY (sha256),
    CONSTRAINT FK_sessions_accounts FOREIGN KEY (account_id) REFERENCES dbo.accounts (account_id)
);
CREATE INDEX IX_sessions_account ON dbo.sessions (account_id);
