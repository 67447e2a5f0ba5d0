-- What CheckRuntime has found out about the Python of the external scripts, for Doctor, which runs none: a fact a row. The row asked comes
-- before the script; where its value is not answered, the script never came back, and the others are of the answer before.
CREATE TABLE dbo.runtime_facts (
    name NVARCHAR(128) NOT NULL,     -- name of the fact, such as Python or numpy; asked is of the call itself
    value NVARCHAR(1000) NULL,       -- what was found; NULL where nothing was
    language NVARCHAR(128) NOT NULL, -- language of external scripts that was asked
    found_at DATETIME2(3) NOT NULL CONSTRAINT DF_runtime_facts_found_at DEFAULT SYSUTCDATETIME(), -- when CheckRuntime found it, UTC
    CONSTRAINT PK_runtime_facts PRIMARY KEY (name)
);
