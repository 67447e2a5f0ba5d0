CREATE TABLE dbo.missing_at_the_end (
    a INT NOT NULL -- a number
)
