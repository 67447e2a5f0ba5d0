-- A person or program that may use the web page. Only an argon2id hash of the password is kept; NULL means that nobody signs in
-- with a password, because a reverse proxy says who it is or because tokens are all that the account has.
CREATE TABLE dbo.accounts (
    account_id INT IDENTITY(1, 1) NOT NULL,
    name NVARCHAR(128) NOT NULL,
    password_hash NVARCHAR(200) NULL,
    role VARCHAR(10) NOT NULL,
    sees_truth BIT NOT NULL CONSTRAINT DF_accounts_sees_truth DEFAULT 0,
    is_enabled BIT NOT NULL CONSTRAINT DF_accounts_is_enabled DEFAULT 1,
    created_at DATETIME2(3) NOT NULL CONSTRAINT DF_accounts_created_at DEFAULT SYSUTCDATETIME(),
    CONSTRAINT PK_accounts PRIMARY KEY (account_id),
    CONSTRAINT UQ_accounts_name UNIQUE (name),
    CONSTRAINT CK_accounts_role CHECK (role IN ('reader', 'scorer'))
);
