CREATE OR ALTER VIEW dbo.of_nothing
AS
SELECT n.value FROM dbo.nothing AS n;
