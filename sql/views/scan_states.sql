-- The newest score of every scan, why its features could not be made, and its state: 0 no features, 1 not scored, 2 scored, 3 failed.
-- Scores are probabilities here: a number that a regression predicts does not take the place of one.
CREATE OR ALTER VIEW dbo.scan_states
AS
SELECT
    s.scan_id,
    s.prediction_id,
    f.message AS failure,
    CASE
        WHEN f.scan_id IS NOT NULL THEN 3
        WHEN s.prediction_id IS NOT NULL THEN 2
        WHEN EXISTS (SELECT 1 FROM dbo.features AS x WHERE x.scan_id = s.scan_id) THEN 1
        ELSE 0 END AS state
FROM (
    SELECT scan_id, (
        SELECT MAX(r.prediction_id) FROM dbo.predictions AS r WHERE r.scan_id = dbo.scans.scan_id AND r.probability IS NOT NULL
    ) AS prediction_id
    FROM dbo.scans) AS s
LEFT JOIN dbo.scan_failures AS f ON f.scan_id = s.scan_id;
