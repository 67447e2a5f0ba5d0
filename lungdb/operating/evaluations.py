"""What must hold of evaluations and of the data sets that they were made on, although no constraint says so."""

from __future__ import annotations

from lungdb.operating.checks import Check

_MEASURE = "Measure the model again: EXECUTE dbo.EvaluateModel."
_AFTER = (
    "WHERE NOT EXISTS (SELECT 1 FROM dbo.evaluations AS n "
    "INNER JOIN dbo.dataset_versions AS b ON b.dataset_version_id = n.dataset_version_id "
    "WHERE n.classifier_id = e.classifier_id AND b.dataset_id = v.dataset_id AND n.evaluation_id > e.evaluation_id)"
)

EVALUATION_CHECKS = (
    Check(
        "versions of data sets whose members are not those of their SHA-256",
        "SELECT v.dataset_version_id, d.name, v.version FROM dbo.dataset_versions AS v "
        "INNER JOIN dbo.datasets AS d ON d.dataset_id = v.dataset_id WHERE v.dataset_version_id = ? "
        "AND (v.members <> (SELECT COUNT(*) FROM dbo.dataset_members AS c "
        "WHERE c.dataset_version_id = v.dataset_version_id) "
        "OR v.members_sha256 <> COALESCE(HASHBYTES('SHA2_256', CONVERT(VARBINARY(MAX), ("
        "SELECT STRING_AGG(CONCAT(CAST(N'' AS NVARCHAR(MAX)), m.scan_id, m.image_name, N':', "
        "CONVERT(VARCHAR(64), m.content_sha256, 2), NCHAR(10)), N'') WITHIN GROUP (ORDER BY m.position) "
        "FROM dbo.dataset_members AS m WHERE m.dataset_version_id = v.dataset_version_id))), 0x));",
        "Restore the rows from a backup, or make another version: EXECUTE dbo.CreateDataset.",
        "SELECT dataset_version_id, members FROM dbo.dataset_versions ORDER BY dataset_version_id;",
    ),
    # A later evaluation on the same data set takes the place of an earlier one, whose scans were replaced since.
    Check(
        "evaluations of scans or features that are gone or are others now",
        "SELECT e.evaluation_id, COUNT(*) AS scans FROM dbo.evaluations AS e "
        "INNER JOIN dbo.dataset_versions AS v ON v.dataset_version_id = e.dataset_version_id "
        "INNER JOIN dbo.classifiers AS c ON c.classifier_id = e.classifier_id "
        "INNER JOIN dbo.evaluation_scores AS s ON s.evaluation_id = e.evaluation_id "
        "LEFT JOIN dbo.pooled_features AS f ON f.scan_id = s.scan_id AND f.feature_set_id = c.feature_set_id "
        f"AND f.pooling = c.pooling {_AFTER} AND (f.scan_id IS NULL OR f.vector_sha256 IS NULL "
        "OR f.vector_sha256 <> s.vector_sha256) GROUP BY e.evaluation_id ORDER BY e.evaluation_id;",
        f"Their figures are of what was there then. {_MEASURE}",
    ),
    Check(
        "evaluations on data sets of which members are gone or are others now",
        "SELECT e.evaluation_id, COUNT(*) AS members FROM dbo.evaluations AS e "
        "INNER JOIN dbo.dataset_versions AS v ON v.dataset_version_id = e.dataset_version_id "
        "INNER JOIN dbo.dataset_members AS m ON m.dataset_version_id = v.dataset_version_id "
        f"LEFT JOIN dbo.scans AS s ON s.scan_id = m.scan_id AND s.content_sha256 = m.content_sha256 {_AFTER} "
        "AND s.scan_id IS NULL AND NOT EXISTS (SELECT 1 FROM dbo.dataset_versions AS w "
        "WHERE w.dataset_id = v.dataset_id AND w.version > v.version) AND e.left_out = 0 "
        "GROUP BY e.evaluation_id ORDER BY e.evaluation_id;",
        f"Make another version of the data set: EXECUTE dbo.CreateDataset. {_MEASURE}",
    ),
    Check(
        "evaluations that count other patients or scans than they have scores of",
        "SELECT e.evaluation_id FROM dbo.evaluations AS e LEFT JOIN ("
        "SELECT evaluation_id, COUNT(DISTINCT CASE WHEN label IS NOT NULL THEN patient_id END) AS patients, "
        "COUNT(label) AS scans, COALESCE(SUM(CAST(label AS INT)), 0) AS positives, "
        "COUNT(*) - COUNT(label) AS unlabelled "
        "FROM dbo.evaluation_scores GROUP BY evaluation_id) AS s ON s.evaluation_id = e.evaluation_id "
        "WHERE s.evaluation_id IS NULL OR s.patients <> e.patients OR s.scans <> e.scans "
        "OR s.positives <> e.positives OR s.unlabelled <> e.unlabelled ORDER BY e.evaluation_id;",
        _MEASURE,
    ),
    Check(
        "evaluations without figures of all their scans",
        "SELECT e.evaluation_id FROM dbo.evaluations AS e WHERE NOT EXISTS ("
        "SELECT 1 FROM dbo.evaluation_metrics AS m WHERE m.evaluation_id = e.evaluation_id AND m.group_id = 0 "
        "AND m.source = 'model') ORDER BY e.evaluation_id;",
        _MEASURE,
    ),
    # Every figure is a share but counts, logarithms and thresholds; T-SQL's LIKE takes _ for any letter.
    Check(
        "figures of evaluations that are out of their range",
        "SELECT m.evaluation_id, m.group_id, m.source, m.metric FROM dbo.evaluation_metrics AS m "
        "WHERE m.low > m.high OR m.value < 0 OR m.low < 0 OR (m.metric NOT LIKE N'log[_]loss%' "
        "AND m.metric NOT LIKE N'true[_]%' AND m.metric NOT LIKE N'false[_]%' AND m.metric NOT LIKE N'threshold[_]%' "
        "AND (m.value > 1 OR m.high > 1)) ORDER BY m.evaluation_id, m.group_id, m.source, m.metric;",
        _MEASURE,
    ),
    Check(
        "evaluations whose Brier score is not that of their scores",
        "SELECT m.evaluation_id FROM dbo.evaluation_metrics AS m INNER JOIN ("
        "SELECT evaluation_id, AVG((probability - label) * (probability - label)) AS brier "
        "FROM dbo.evaluation_scores WHERE label IS NOT NULL GROUP BY evaluation_id) AS s "
        "ON s.evaluation_id = m.evaluation_id WHERE m.group_id = 0 AND m.source = 'model' AND m.metric = N'brier' "
        "AND ABS(m.value - s.brier) > CAST(N'1e-9' AS FLOAT) ORDER BY m.evaluation_id;",
        _MEASURE,
    ),
    Check(
        "subgroups of evaluations of more scans than the evaluation, or of fewer than ten patients",
        "SELECT g.evaluation_id, g.group_id FROM dbo.evaluation_groups AS g "
        "INNER JOIN dbo.evaluations AS e ON e.evaluation_id = g.evaluation_id WHERE g.group_id > 0 "
        "AND (g.scans > e.scans OR g.positives > g.scans OR g.patients > g.scans OR g.patients < 10) "
        "ORDER BY g.evaluation_id, g.group_id;",
        _MEASURE,
    ),
    Check(
        "points of curves of evaluations that lie outside their axes",
        "SELECT p.evaluation_id, p.source, p.curve, p.position FROM dbo.evaluation_curves AS p "
        "WHERE p.x < 0 OR p.x > 1 OR (p.curve NOT LIKE N'decision%' AND (p.y < 0 OR p.y > 1)) "
        "OR (p.curve LIKE N'decision%' AND p.y > 1) ORDER BY p.evaluation_id, p.source, p.curve, p.position;",
        _MEASURE,
    ),
    Check(
        "drift checks without items, or whose largest difference is not that of their items",
        "SELECT k.drift_check_id FROM dbo.drift_checks AS k LEFT JOIN ("
        "SELECT drift_check_id, MAX(statistic) AS statistic FROM dbo.drift_items GROUP BY drift_check_id) AS i "
        "ON i.drift_check_id = k.drift_check_id WHERE i.drift_check_id IS NULL "
        "OR ABS(i.statistic - k.statistic) > CAST(N'1e-9' AS FLOAT) OR k.p_value <= 0 OR k.p_value > 1 "
        "ORDER BY k.drift_check_id;",
        "Check again: EXECUTE dbo.CheckDrift.",
    ),
)
"""In the order in which they are made."""
