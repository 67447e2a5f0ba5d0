-- A token with which a program uses the web page's API in an account's name; only the token's SHA-256 is kept.
CREATE TABLE dbo.access_tokens (
    token_id INT IDENTITY(1, 1) NOT NULL, -- number of the token, as ListTokens shows it and RevokeToken takes it
    sha256 VARBINARY(32) NOT NULL,        -- SHA-256 of the secret that the program sends
    account_id INT NOT NULL,              -- account in whose name the token speaks
    name NVARCHAR(128) NOT NULL,          -- what its owner calls it, to tell tokens apart
    created_at DATETIME2(3) NOT NULL CONSTRAINT DF_access_tokens_created_at DEFAULT SYSUTCDATETIME(), -- when it was made, UTC
    expires_at DATETIME2(3) NOT NULL,     -- UTC, from when on it opens nothing
    revoked_at DATETIME2(3) NULL,         -- when it was revoked, UTC; NULL while it is not
    last_used_at DATETIME2(3) NULL,       -- when it last opened something, UTC; NULL where it never has
    CONSTRAINT PK_access_tokens PRIMARY KEY (token_id),
    CONSTRAINT UQ_access_tokens_sha256 UNIQUE (sha256),
    CONSTRAINT FK_access_tokens_accounts FOREIGN KEY (account_id) REFERENCES dbo.accounts (account_id)
);
CREATE INDEX IX_access_tokens_account ON dbo.access_tokens (account_id);
