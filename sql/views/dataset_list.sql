-- The versions of all data sets, and the data sets of examples, which have none; is_newest marks the version that a name alone means.
CREATE OR ALTER VIEW dbo.dataset_list AS
SELECT d.name, d.kind, v.version, CASE WHEN v.version = n.version THEN 1 ELSE 0 END AS is_newest, v.members, (
        SELECT COUNT(DISTINCT s.patient_id)
        FROM dbo.dataset_members AS m
        INNER JOIN dbo.scans AS s ON s.scan_id = m.scan_id
        WHERE m.dataset_version_id = v.dataset_version_id) AS patients,
    v.chosen_by, v.members_sha256, v.created_at, v.created_by, v.dataset_version_id
FROM dbo.datasets AS d
INNER JOIN dbo.dataset_versions AS v ON v.dataset_id = d.dataset_id
INNER JOIN (SELECT dataset_id, MAX(version) AS version FROM dbo.dataset_versions GROUP BY dataset_id) AS n ON n.dataset_id = d.dataset_id
UNION ALL
SELECT e.name, 'examples', NULL, 1, (SELECT COUNT(DISTINCT x.example_id) FROM dbo.examples AS x WHERE x.dataset = e.name), NULL,
    NULL, NULL, NULL, NULL, NULL
FROM (
    SELECT name FROM dbo.datasets WHERE kind = 'examples'
    UNION
    SELECT dataset FROM dbo.examples) AS e;
