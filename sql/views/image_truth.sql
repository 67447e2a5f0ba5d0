-- Every class of every picture whose classes are known, one or several.
CREATE OR ALTER VIEW dbo.image_truth
AS
SELECT i.name, i.label
FROM dbo.images AS i
WHERE i.label IS NOT NULL
UNION ALL
SELECT l.name, l.label
FROM dbo.image_labels AS l
INNER JOIN dbo.images AS i ON i.name = l.name
WHERE i.label IS NULL;
