-- Whom or what every picture comes from: its patient, else its group, else it alone, or the picture that it was made of; and the part that
-- this was given, NULL where AssignSplits has not been called since. Pictures of one source are never in two parts or folds.
CREATE OR ALTER VIEW dbo.image_sources
AS
SELECT
    i.name,
    CASE
        WHEN i.patient_id IS NOT NULL THEN CONCAT(N'patient/', i.patient_id)
        WHEN i.group_name IS NOT NULL THEN CONCAT(N'group/', i.group_name)
        ELSE CONCAT(N'picture/', COALESCE(l.root_image, i.name)) END AS source,
    CASE WHEN i.patient_id IS NOT NULL THEN s.part ELSE p.part END AS part
FROM dbo.images AS i
LEFT JOIN dbo.image_lineage AS l ON l.image_name = i.name
LEFT JOIN dbo.splits AS s ON s.patient_id = i.patient_id
LEFT JOIN dbo.image_splits AS p
    ON p.is_group = CASE WHEN i.group_name IS NULL THEN 0 ELSE 1 END AND p.name = COALESCE(i.group_name, l.root_image, i.name);
