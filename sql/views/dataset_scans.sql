-- The scans of every version of every data set of scans; is_newest marks the version that a name alone means, is_unchanged a scan whose
-- slices are still those that it had when the version was made.
CREATE OR ALTER VIEW dbo.dataset_scans
AS
SELECT d.name, d.version, d.is_newest, m.scan_id, CASE WHEN s.content_sha256 = m.content_sha256 THEN 1 ELSE 0 END AS is_unchanged
FROM dbo.dataset_list AS d
INNER JOIN dbo.dataset_members AS m ON m.dataset_version_id = d.dataset_version_id
LEFT JOIN dbo.scans AS s ON s.scan_id = m.scan_id
WHERE m.scan_id IS NOT NULL;
