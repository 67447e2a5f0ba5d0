-- A look at figures of a version's test patients after its training. It refers to no row, because a model may be deleted and was looked at
-- all the same.
CREATE TABLE dbo.test_looks (
    look_id INT IDENTITY(1, 1) NOT NULL, -- number of the look, rising with time
    name NVARCHAR(128) NOT NULL,         -- name of the model, which its versions share
    classifier_id INT NOT NULL,          -- version of the model; refers to no row, because that may be deleted
    looked_with NVARCHAR(128) NOT NULL,  -- procedure, command or notebook that computed the figures
    looked_at DATETIME2(3) NOT NULL CONSTRAINT DF_test_looks_looked_at DEFAULT SYSUTCDATETIME(), -- when they were computed, UTC
    looked_by NVARCHAR(128) NOT NULL     -- who looked: the user that the session names (SESSION_CONTEXT), else the login
        CONSTRAINT DF_test_looks_looked_by
        DEFAULT COALESCE(CAST(SESSION_CONTEXT(N'user') AS NVARCHAR(128)), ORIGINAL_LOGIN()),
    CONSTRAINT PK_test_looks PRIMARY KEY (look_id)
);
CREATE INDEX IX_test_looks_classifier ON dbo.test_looks (classifier_id);
CREATE INDEX IX_test_looks_name ON dbo.test_looks (name);
