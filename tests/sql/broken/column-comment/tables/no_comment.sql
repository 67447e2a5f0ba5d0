-- A table of which a column is not described.
CREATE TABLE dbo.no_comment (
    a INT NOT NULL, -- a number
    b INT NOT NULL,
    -- A comment on a line of its own goes on where that of a column ended.
    c INT NOT NULL  -- another number
);
