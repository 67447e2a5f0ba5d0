-- What is known of a scan that is no pixel, as numbers that a model can be trained on by @Columns; NULL where it is not known. sex is 1 of
-- a man and 0 of a woman, age in years as the files say it or else from the year of birth, 90 at most; lengths in millimetres, kvp in kV.
-- A shifted date lies half a year before the true one on average, so one of its second half stands for the year that follows.
-- maker_… is 1 for scanners of that maker, other ones of a known maker are 0 in all of them.
CREATE OR ALTER VIEW dbo.scan_columns
AS
SELECT
    s.scan_id,
    COALESCE(CAST(s.patient_age AS INT), CASE
        WHEN d.study_year - p.birth_year > 90 THEN 90
        WHEN d.study_year >= p.birth_year THEN d.study_year - p.birth_year END) AS age,
    CASE p.sex WHEN N'M' THEN 1 WHEN N'F' THEN 0 END AS sex,
    s.spacing_x,
    s.spacing_y,
    s.spacing_z,
    s.slice_thickness,
    s.kvp,
    CAST(s.has_contrast AS INT) AS contrast,
    s.number_images AS slices,
    s.number_images * s.spacing_z AS coverage,
    CASE WHEN s.manufacturer IS NOT NULL THEN CASE
        WHEN UPPER(s.manufacturer) LIKE N'%GE MEDICAL%' OR UPPER(s.manufacturer) LIKE N'GE %' OR UPPER(s.manufacturer) = N'GE'
        THEN 1 ELSE 0 END END AS maker_ge,
    CASE WHEN s.manufacturer IS NOT NULL THEN CASE WHEN UPPER(s.manufacturer) LIKE N'%SIEMENS%' THEN 1 ELSE 0 END END AS maker_siemens,
    CASE WHEN s.manufacturer IS NOT NULL THEN CASE WHEN UPPER(s.manufacturer) LIKE N'%PHILIPS%' THEN 1 ELSE 0 END END AS maker_philips,
    CASE WHEN s.manufacturer IS NOT NULL THEN CASE
        WHEN UPPER(s.manufacturer) LIKE N'%TOSHIBA%' OR UPPER(s.manufacturer) LIKE N'%CANON%' THEN 1 ELSE 0 END END AS maker_canon
FROM dbo.scans AS s
INNER JOIN dbo.patients AS p ON p.patient_id = s.patient_id
INNER JOIN (
    SELECT scan_id, YEAR(study_date) + IIF(date_rule = 'shifted' AND MONTH(study_date) > 6, 1, 0) AS study_year FROM dbo.scans
) AS d ON d.scan_id = s.scan_id;
