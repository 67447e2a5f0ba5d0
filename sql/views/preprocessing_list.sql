-- Every preprocessing with what was made with it: feature sets, and scans whose pictures are kept. digest is in hexadecimal.
CREATE OR ALTER VIEW dbo.preprocessing_list
AS
SELECT
    p.name,
    p.steps,
    CONVERT(VARCHAR(64), p.digest, 2) AS digest,
    p.created_at,
    p.created_by,
    (SELECT COUNT(*) FROM dbo.feature_sets AS f WHERE f.preprocessing = p.name) AS feature_sets,
    (SELECT COUNT(*) FROM dbo.prepared_scans AS k WHERE k.preprocessing = p.name) AS kept_scans
FROM dbo.preprocessings AS p;
