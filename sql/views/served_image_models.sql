-- The version that the name of a model of pictures stands for where none is given: its champion; with the setting serve = newest, or where
-- there is no champion, its newest.
CREATE OR ALTER VIEW dbo.served_image_models
AS
SELECT n.name, c.image_classifier_id, c.version, n.newest_version, n.versions,
    CASE WHEN p.promotion_id IS NOT NULL THEN N'the champion' ELSE N'the newest' END AS why
FROM (
    SELECT name, MAX(version) AS newest_version, COUNT(*) AS versions FROM dbo.image_classifiers GROUP BY name
) AS n
LEFT JOIN dbo.image_promotions AS p
    ON p.name = n.name
    AND p.promotion_id = (SELECT MAX(later.promotion_id) FROM dbo.image_promotions AS later WHERE later.name = n.name)
    AND NOT EXISTS (SELECT 1 FROM dbo.settings AS s WHERE s.name = N'serve' AND s.value = N'newest')
INNER JOIN dbo.image_classifiers AS c
    ON c.name = n.name
    AND (c.image_classifier_id = p.image_classifier_id OR (p.promotion_id IS NULL AND c.version = n.newest_version));
