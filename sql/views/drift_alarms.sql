-- Every drift check of every version, whether it alarmed, and in what the patients differ most.
CREATE OR ALTER VIEW dbo.drift_alarms
AS
SELECT
    k.drift_check_id,
    k.classifier_id,
    c.name,
    c.version,
    k.later_since,
    d.name AS dataset,
    v.version AS dataset_version,
    k.tested_patients,
    k.later_patients,
    k.permutations,
    k.seed,
    k.alpha,
    k.statistic,
    k.p_value,
    CAST(k.is_alarm AS INT) AS is_alarm,
    (
        SELECT TOP (1) i.name
        FROM dbo.drift_items AS i
        WHERE i.drift_check_id = k.drift_check_id
        ORDER BY i.statistic DESC, i.position) AS most_different,
    k.checked_at,
    k.checked_by
FROM dbo.drift_checks AS k
INNER JOIN dbo.classifiers AS c ON c.classifier_id = k.classifier_id
LEFT JOIN dbo.dataset_versions AS v ON v.dataset_version_id = k.dataset_version_id
LEFT JOIN dbo.datasets AS d ON d.dataset_id = v.dataset_id;
