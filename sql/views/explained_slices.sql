-- What each triple of slices did to a score, a row a triple: its first and last slice and where they lie along the scan in millimetres.
-- share (exact) or shapley (an estimate with its standard error) is what the triple adds, change_without how the margin changes when it is
-- left out, below 0 where it raised the score; tied counts the triples that change it alike, the one itself included.
CREATE OR ALTER VIEW dbo.explained_slices
AS
SELECT
    t.prediction_id,
    t.triple,
    t.first_slice,
    t.last_slice,
    a.position_z AS position_from,
    z.position_z AS position_to,
    t.share,
    t.shapley,
    t.standard_error,
    t.change_without,
    CASE WHEN t.change_without IS NOT NULL
        THEN COUNT(t.change_without) OVER (PARTITION BY t.prediction_id, t.change_without) END AS tied
FROM (
    SELECT
        s.prediction_id,
        MAX(r.scan_id) AS scan_id,
        s.triple,
        MAX(s.first_slice) AS first_slice,
        MAX(CASE WHEN s.first_slice + 2 < n.number_images THEN s.first_slice + 2 ELSE n.number_images - 1 END) AS last_slice,
        MAX(CASE s.method WHEN 'share' THEN s.value END) AS share,
        MAX(CASE s.method WHEN 'shapley' THEN s.value END) AS shapley,
        MAX(CASE s.method WHEN 'shapley' THEN s.standard_error END) AS standard_error,
        MAX(CASE s.method WHEN 'without' THEN s.value END) AS change_without
    FROM dbo.score_slices AS s
    INNER JOIN dbo.predictions AS r ON r.prediction_id = s.prediction_id
    INNER JOIN dbo.scans AS n ON n.scan_id = r.scan_id
    GROUP BY s.prediction_id, s.triple) AS t
LEFT JOIN dbo.scan_images AS a ON a.scan_id = t.scan_id AND a.slice_index = t.first_slice
LEFT JOIN dbo.scan_images AS z ON z.scan_id = t.scan_id AND z.slice_index = t.last_slice;
