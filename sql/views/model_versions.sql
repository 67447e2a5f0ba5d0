-- Every version of every model: what it is made of, who trained it when, whether it is the champion, whether it is
-- what its name stands for, what it has scored, and how often figures of its test patients were looked at after its training;
-- of the held-out scans, which share stands outside what it knows.
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
    COALESCE(p.predictions, 0) AS predictions,
    CASE WHEN s.classifier_id IS NULL THEN 0 ELSE 1 END AS is_served,
    (SELECT COUNT(*) FROM dbo.test_looks AS t WHERE t.classifier_id = c.classifier_id) AS test_looks,
    o.scans AS held_out_scans,
    o.high AS held_out_outside,
    c.task
FROM dbo.classifiers AS c
INNER JOIN dbo.feature_sets AS f ON f.feature_set_id = c.feature_set_id
LEFT JOIN dbo.networks AS n ON n.network_id = f.network_id
LEFT JOIN dbo.experiments AS e
    ON e.experiment_id = (SELECT MAX(x.experiment_id) FROM dbo.experiments AS x WHERE x.classifier_id = c.classifier_id)
LEFT JOIN dbo.champions AS ch ON ch.classifier_id = c.classifier_id
LEFT JOIN dbo.served_models AS s ON s.classifier_id = c.classifier_id
LEFT JOIN dbo.model_scope AS o ON o.classifier_id = c.classifier_id AND o.item = 'held_out'
LEFT JOIN (
    SELECT classifier_id, COUNT(*) AS predictions FROM dbo.predictions GROUP BY classifier_id
) AS p ON p.classifier_id = c.classifier_id;
