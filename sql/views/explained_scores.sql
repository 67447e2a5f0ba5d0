-- The scores that are explained, with what is told and what the model computed: probability_percent is calibrated and corrected for
-- prevalence where that was asked, raw_percent is the sigmoid of the margin. expected_margin is what the contributions of features start
-- from, NULL of an ensemble, whose members have one each; reference_margin what those of slices do.
CREATE OR ALTER VIEW dbo.explained_scores
AS
SELECT
    e.prediction_id,
    p.idx AS patient_index,
    r.scan_id,
    r.classifier_id,
    c.name AS model_name,
    c.version AS model_version,
    c.library,
    100 * r.probability AS probability_percent,
    100 * r.raw_probability AS raw_percent,
    r.predicted,
    e.margin,
    (SELECT MAX(k.contribution) FROM dbo.score_contributions AS k
        WHERE k.prediction_id = e.prediction_id AND k.member = 0 AND k.feature IS NULL) AS expected_margin,
    e.reference_margin,
    (SELECT COUNT(DISTINCT s.triple) FROM dbo.score_slices AS s WHERE s.prediction_id = e.prediction_id) AS triples,
    (SELECT COUNT(*) FROM dbo.score_maps AS m WHERE m.prediction_id = e.prediction_id) AS maps,
    e.vector_sha256,
    e.array_sha256,
    e.seed,
    e.permutations,
    e.explained_at,
    e.explained_by
FROM dbo.score_explanations AS e
INNER JOIN dbo.predictions AS r ON r.prediction_id = e.prediction_id
INNER JOIN dbo.classifiers AS c ON c.classifier_id = r.classifier_id
INNER JOIN dbo.scans AS s ON s.scan_id = r.scan_id
INNER JOIN dbo.patients AS p ON p.patient_id = s.patient_id;
