-- What the web page signs its cookies with, made at the first start of a page that is given no web_secret. No role may read it.
CREATE TABLE dbo.page_secrets (
    secret_id INT NOT NULL,         -- 1, as there is one secret
    secret VARBINARY(32) NOT NULL,  -- 32 random bytes; a page that was not stopped since signs with those of before
    created_at DATETIME2(3) NOT NULL CONSTRAINT DF_page_secrets_created_at DEFAULT SYSUTCDATETIME(), -- when it was made, UTC
    CONSTRAINT PK_page_secrets PRIMARY KEY (secret_id),
    CONSTRAINT CK_page_secrets_secret_id CHECK (secret_id = 1),
    CONSTRAINT CK_page_secrets_secret CHECK (DATALENGTH(secret) = 32)
);
