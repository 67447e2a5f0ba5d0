-- Every scan with what a list of them shows: whose it is by the patient's index, whether it is that patient's primary scan, its size and
-- spacing in millimetres, its part in dbo.splits, and its state as ListPatients says it. content_sha256 is in hexadecimal.
CREATE OR ALTER VIEW dbo.scan_list
AS
SELECT
    s.scan_id,
    p.idx AS patient_index,
    CAST(s.is_primary AS INT) AS is_primary,
    s.study_date,
    s.manufacturer,
    s.number_images AS slices,
    s.image_rows,
    s.image_cols,
    s.spacing_z,
    s.spacing_y,
    s.spacing_x,
    s.slice_thickness,
    s.convolution_kernel,
    sp.part,
    CASE t.state WHEN 0 THEN N'no features' WHEN 1 THEN N'not scored' WHEN 2 THEN N'scored' ELSE N'failed' END AS state,
    CONVERT(VARCHAR(64), s.content_sha256, 2) AS content_sha256
FROM dbo.scans AS s
INNER JOIN dbo.patients AS p ON p.patient_id = s.patient_id
INNER JOIN dbo.scan_states AS t ON t.scan_id = s.scan_id
LEFT JOIN dbo.splits AS sp ON sp.patient_id = s.patient_id;
