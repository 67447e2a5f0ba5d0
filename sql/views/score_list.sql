-- Every score that was given, with the version that gave it. Of a model of the task regression predicted is its number and both percents
-- are NULL; scope says whether the scan is like those that the model was trained on.
CREATE OR ALTER VIEW dbo.score_list
AS
SELECT
    r.prediction_id,
    r.scan_id,
    p.idx AS patient_index,
    c.name AS model_name,
    c.version AS model_version,
    100 * r.probability AS probability_percent,
    100 * r.raw_probability AS raw_percent,
    r.prevalence,
    r.predicted,
    r.scope,
    r.scope_reason,
    r.predicted_at,
    r.predicted_by
FROM dbo.predictions AS r
INNER JOIN dbo.classifiers AS c ON c.classifier_id = r.classifier_id
INNER JOIN dbo.scans AS s ON s.scan_id = r.scan_id
INNER JOIN dbo.patients AS p ON p.patient_id = s.patient_id;
