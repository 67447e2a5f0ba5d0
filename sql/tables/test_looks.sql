-- A look at figures of a version's test patients after its training: who computed them when, with which procedure or command. It refers
-- to no row, because a model may be deleted and was looked at all the same.
CREATE TABLE dbo.test_looks (
    look_id INT IDENTITY(1, 1) NOT NULL,
    name NVARCHAR(128) NOT NULL,
    classifier_id INT NOT NULL,
    looked_with NVARCHAR(128) NOT NULL,
    looked_at DATETIME2(3) NOT NULL CONSTRAINT DF_test_looks_looked_at DEFAULT SYSUTCDATETIME(),
    looked_by NVARCHAR(128) NOT NULL
        CONSTRAINT DF_test_looks_looked_by
        DEFAULT COALESCE(CAST(SESSION_CONTEXT(N'user') AS NVARCHAR(128)), ORIGINAL_LOGIN()),
    CONSTRAINT PK_test_looks PRIMARY KEY (look_id)
);
CREATE INDEX IX_test_looks_classifier ON dbo.test_looks (classifier_id);
CREATE INDEX IX_test_looks_name ON dbo.test_looks (name);
