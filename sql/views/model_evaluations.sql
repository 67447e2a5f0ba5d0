-- Every evaluation of every version: on which data set, with which labels, how many patients, and what speaks against it.
CREATE OR ALTER VIEW dbo.model_evaluations
AS
SELECT
    e.evaluation_id,
    e.classifier_id,
    c.name,
    c.version,
    d.name AS dataset,
    v.version AS dataset_version,
    e.horizon_days,
    e.prevalence,
    e.seed,
    e.patients,
    e.scans,
    e.positives,
    e.unlabelled,
    e.left_out,
    CAST(e.is_forced AS INT) AS is_forced,
    e.overlap,
    e.note,
    e.evaluated_at,
    e.evaluated_by
FROM dbo.evaluations AS e
INNER JOIN dbo.classifiers AS c ON c.classifier_id = e.classifier_id
INNER JOIN dbo.dataset_versions AS v ON v.dataset_version_id = e.dataset_version_id
INNER JOIN dbo.datasets AS d ON d.dataset_id = v.dataset_id;
