-- What somebody looks for in the worklist of the web page, which may be a name. The address has a random name in its place.
CREATE TABLE dbo.page_searches (
    sha256 VARBINARY(32) NOT NULL,    -- SHA-256 of the random name that stands in the address
    account_id INT NOT NULL,          -- account that searches; nobody else finds it
    search NVARCHAR(256) NOT NULL,    -- text that is searched for
    expires_at DATETIME2(3) NOT NULL, -- UTC, when it is forgotten; the next search or sign-in deletes it then, signing out before
    CONSTRAINT PK_page_searches PRIMARY KEY (sha256),
    CONSTRAINT FK_page_searches_accounts FOREIGN KEY (account_id) REFERENCES dbo.accounts (account_id)
);
CREATE INDEX IX_page_searches_account ON dbo.page_searches (account_id);
