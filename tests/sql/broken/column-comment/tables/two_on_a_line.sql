-- A table whose columns share a line and its comment.
CREATE TABLE dbo.two_on_a_line (
    a INT NOT NULL, b INT NOT NULL -- two numbers
);
