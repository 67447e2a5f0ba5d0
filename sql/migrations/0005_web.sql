-- The worklist of a database that has patients already.
INSERT INTO dbo.worklist (idx, scan_id, patient_id, display_name, study_date, slices, state, prediction_id, probability)
SELECT p.idx, s.scan_id, p.patient_id, p.display_name, s.study_date, s.number_images,
    CASE
        WHEN r.prediction_id IS NOT NULL THEN 2
        WHEN EXISTS (SELECT 1 FROM dbo.features AS f WHERE f.scan_id = s.scan_id) THEN 1
        ELSE 0 END,
    r.prediction_id, r.probability
FROM dbo.scans AS s
INNER JOIN dbo.patients AS p ON p.patient_id = s.patient_id
LEFT JOIN dbo.predictions AS r ON r.prediction_id = (SELECT MAX(n.prediction_id) FROM dbo.predictions AS n WHERE n.scan_id = s.scan_id)
WHERE s.scan_id = (SELECT MIN(o.scan_id) FROM dbo.scans AS o WHERE o.patient_id = s.patient_id AND o.is_primary = 1)
    AND NOT EXISTS (SELECT 1 FROM dbo.worklist AS w WHERE w.idx = p.idx OR w.scan_id = s.scan_id);
