-- The points of the curves of every evaluation. scans is filled for calibration alone: the thresholds of the other curves are scores of
-- single patients, who could be told by them; those of decision curves are x.
CREATE OR ALTER VIEW dbo.evaluation_points
AS
SELECT
    c.evaluation_id,
    e.classifier_id,
    c.source,
    c.curve,
    c.position,
    c.x,
    c.y,
    CASE WHEN c.curve IN (N'calibration', N'calibration_raw') THEN CAST(c.threshold AS INT) END AS scans
FROM dbo.evaluation_curves AS c
INNER JOIN dbo.evaluations AS e ON e.evaluation_id = c.evaluation_id;
