CREATE TABLE dbo.missing_comma (
    a INT NOT NULL
    b INT NOT NULL
);
