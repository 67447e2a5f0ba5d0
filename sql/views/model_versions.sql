-- Every version of every model: what it is made of, who trained it when, whether it is the champion, and what it has scored.
CREATE OR ALTER VIEW dbo.model_versions
AS
SELECT
    c.classifier_id,
    c.name,
    c.version,
    c.library,
    c.pooling,
    c.created_at,
    LOWER(CONVERT(VARCHAR(64), c.sha256, 2)) AS sha256,
    c.details,
    n.name AS network,
    n.version AS network_version,
    LOWER(CONVERT(VARCHAR(64), n.sha256, 2)) AS network_sha256,
    c.feature_set_id,
    f.layer,
    f.preprocessing,
    f.width,
    e.experiment_id,
    e.seed,
    e.parameters,
    e.started_at,
    e.ended_at,
    e.run_by,
    CASE WHEN ch.classifier_id IS NULL THEN 0 ELSE 1 END AS is_champion,
    COALESCE(p.predictions, 0) AS predictions
FROM dbo.classifiers AS c
INNER JOIN dbo.feature_sets AS f ON f.feature_set_id = c.feature_set_id
INNER JOIN dbo.networks AS n ON n.network_id = f.network_id
LEFT JOIN dbo.experiments AS e
    ON e.experiment_id = (SELECT MAX(x.experiment_id) FROM dbo.experiments AS x WHERE x.classifier_id = c.classifier_id)
LEFT JOIN dbo.champions AS ch ON ch.classifier_id = c.classifier_id
LEFT JOIN (
    SELECT classifier_id, COUNT(*) AS predictions FROM dbo.predictions GROUP BY classifier_id
) AS p ON p.classifier_id = c.classifier_id;
