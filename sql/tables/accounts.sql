-- A person or program that may use the web page.
CREATE TABLE dbo.accounts (
    account_id INT IDENTITY(1, 1) NOT NULL, -- number of the account
    name NVARCHAR(128) NOT NULL,            -- name to sign in with, or that a reverse proxy gives; unique
    password_hash NVARCHAR(200) NULL,       -- argon2id hash; NULL where a reverse proxy says who it is, or tokens are all that the account
                                            -- has
    role VARCHAR(15) NOT NULL,              -- reader; scorer, who may also have scans scored and explained; or administrator, who may
                                            -- also train, promote and roll back models
    sees_truth BIT NOT NULL CONSTRAINT DF_accounts_sees_truth DEFAULT 0, -- 1 shows labels and the figures that need them
    loads_scans BIT NOT NULL CONSTRAINT DF_accounts_loads_scans DEFAULT 0, -- 1 may load DICOM files on the page, where a site has that on
    is_enabled BIT NOT NULL CONSTRAINT DF_accounts_is_enabled DEFAULT 1, -- 0 keeps the account out, its sessions and tokens too
    created_at DATETIME2(3) NOT NULL CONSTRAINT DF_accounts_created_at DEFAULT SYSUTCDATETIME(), -- when it was made, UTC
    CONSTRAINT PK_accounts PRIMARY KEY (account_id),
    CONSTRAINT UQ_accounts_name UNIQUE (name),
    CONSTRAINT CK_accounts_roles CHECK (role IN ('reader', 'scorer', 'administrator'))
);
