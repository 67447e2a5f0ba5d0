-- The settings that procedures read, with their defaults; a value that the site has chosen is kept.
INSERT INTO dbo.settings (name, value)
SELECT d.name, d.value
FROM (
    VALUES
        (N'external_language', N'Python'),
        (N'providers', NULL),
        (N'threads', NULL),
        (N'split_key', N'lungdb'),
        (N'test_percent', N'25'),
        (N'prevalence', NULL),
        (N'serve', N'champion'),
        (N'default_network', NULL)
) AS d (name, value)
WHERE NOT EXISTS (SELECT 1 FROM dbo.settings AS s WHERE s.name = d.name);
