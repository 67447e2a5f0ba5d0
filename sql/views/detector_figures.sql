-- How many nodules detectors find at how many false alarms a scan, a row a rate; position 0 is the mean, LUNA16's score.
CREATE OR ALTER VIEW dbo.detector_figures
AS
SELECT
    e.nodule_evaluation_id,
    n.name AS detector,
    n.version AS detector_version,
    e.preprocessing,
    e.stages,
    d.name AS dataset,
    v.version AS dataset_version,
    CONCAT(N'nodules of ', e.least_diameter, N' mm and more, ', e.least_readers, N' readers and more where that is known; ',
        COALESCE(CONCAT(N'the ', e.most_per_scan, N' highest scores of a scan'), N'all candidates')) AS [rule],
    e.scans,
    e.test_scans,
    e.nodules,
    e.irrelevant,
    e.hits,
    e.false_alarms,
    p.position,
    p.false_alarms_per_scan,
    p.sensitivity,
    p.low,
    p.high,
    e.evaluated_at,
    e.evaluated_by
FROM dbo.nodule_evaluations AS e
INNER JOIN dbo.nodule_evaluation_points AS p ON p.nodule_evaluation_id = e.nodule_evaluation_id
INNER JOIN dbo.networks AS n ON n.network_id = e.network_id
INNER JOIN dbo.dataset_versions AS v ON v.dataset_version_id = e.dataset_version_id
INNER JOIN dbo.datasets AS d ON d.dataset_id = v.dataset_id;
