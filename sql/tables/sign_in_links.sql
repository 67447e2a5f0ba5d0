-- A link that an administrator made, by which somebody signs in to the web page once, without a password. The row goes when it is used.
CREATE TABLE dbo.sign_in_links (
    sha256 VARBINARY(32) NOT NULL,    -- SHA-256 of the secret in the link
    account_id INT NOT NULL,          -- account that the link signs in
    created_at DATETIME2(3) NOT NULL CONSTRAINT DF_sign_in_links_created_at DEFAULT SYSUTCDATETIME(), -- when it was made, UTC
    expires_at DATETIME2(3) NOT NULL, -- UTC, from when on it opens nothing
    CONSTRAINT PK_sign_in_links PRIMARY KEY (sha256),
    CONSTRAINT FK_sign_in_links_accounts FOREIGN KEY (account_id) REFERENCES dbo.accounts (account_id)
);
CREATE INDEX IX_sign_in_links_account ON dbo.sign_in_links (account_id);
