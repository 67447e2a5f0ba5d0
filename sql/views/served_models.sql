-- The version that each model's name stands for where none is given: its champion; with the setting serve = newest, or where there is no
-- champion, its newest.
CREATE OR ALTER VIEW dbo.served_models
AS
SELECT n.name, c.classifier_id, c.version, n.newest_version, n.versions, ch.promotion_id
FROM (
    SELECT name, MAX(version) AS newest_version, COUNT(*) AS versions FROM dbo.classifiers GROUP BY name
) AS n
LEFT JOIN dbo.champions AS ch
    ON ch.name = n.name AND NOT EXISTS (SELECT 1 FROM dbo.settings AS s WHERE s.name = N'serve' AND s.value = N'newest')
INNER JOIN dbo.classifiers AS c
    ON c.name = n.name
    AND (c.classifier_id = ch.classifier_id OR (ch.classifier_id IS NULL AND c.version = n.newest_version));
