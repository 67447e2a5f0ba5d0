-- A token with which a program uses the web page's API in an account's name; only the token's SHA-256 is kept.
CREATE TABLE dbo.access_tokens (
    token_id INT IDENTITY(1, 1) NOT NULL,
    sha256 VARBINARY(32) NOT NULL,
    account_id INT NOT NULL,
    name NVARCHAR(128) NOT NULL,
    created_at DATETIME2(3) NOT NULL CONSTRAINT DF_access_tokens_created_at DEFAULT SYSUTCDATETIME(),
    expires_at DATETIME2(3) NOT NULL,
    revoked_at DATETIME2(3) NULL,
    last_used_at DATETIME2(3) NULL,
    CONSTRAINT PK_access_tokens PRIMARY KEY (token_id),
    CONSTRAINT UQ_access_tokens_sha256 UNIQUE (sha256),
    CONSTRAINT FK_access_tokens_accounts FOREIGN KEY (account_id) REFERENCES dbo.accounts (account_id)
);
CREATE INDEX IX_access_tokens_account ON dbo.access_tokens (account_id);
