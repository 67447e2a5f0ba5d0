-- What scans are parted into subgroups by, as words where there are words; NULL where it is not known. age is that of dbo.scan_columns.
CREATE OR ALTER VIEW dbo.scan_groups
AS
SELECT
    s.scan_id,
    p.sex,
    k.age,
    s.manufacturer,
    s.convolution_kernel,
    s.slice_thickness,
    s.spacing_z,
    s.kvp,
    s.has_contrast,
    s.study_year
FROM dbo.scans AS s
INNER JOIN dbo.patients AS p ON p.patient_id = s.patient_id
INNER JOIN dbo.scan_columns AS k ON k.scan_id = s.scan_id;
