-- What CheckRuntime has found out about the Python of the external scripts, for Doctor, which runs none: a fact a row, with the language
-- that was asked and when. The row asked comes before the script; where its value is not answered, the script never came back, and the
-- others are of the answer before.
CREATE TABLE dbo.runtime_facts (
    name NVARCHAR(128) NOT NULL,
    value NVARCHAR(1000) NULL,
    language NVARCHAR(128) NOT NULL,
    found_at DATETIME2(3) NOT NULL CONSTRAINT DF_runtime_facts_found_at DEFAULT SYSUTCDATETIME(),
    CONSTRAINT PK_runtime_facts PRIMARY KEY (name)
);
