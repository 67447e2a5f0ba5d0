-- The studies of patients: the day of one, of dates that are whole; its screening year and order; the scan that the series rule chose.
-- is_newest says that every other study of the patient is known to be earlier, is_followed that some study is known to be later.
CREATE OR ALTER VIEW dbo.patient_studies
AS
WITH studies AS (
    SELECT s.patient_id, s.study_uid, COUNT(*) AS scans,
        MIN(CASE WHEN s.date_rule <> 'year' THEN COALESCE(s.study_date, s.acquisition_date) END) AS study_day,
        MIN(CASE WHEN s.date_rule <> 'year' THEN s.date_rule END) AS date_rule,
        MIN(s.study_year) AS study_year, MIN(s.study_order) AS study_order,
        MIN(CASE WHEN s.is_study_choice = 1 THEN s.scan_id END) AS choice_scan_id
    FROM dbo.scans AS s
    GROUP BY s.patient_id, s.study_uid
), pairs AS (
    SELECT a.patient_id, a.study_uid,
        CASE WHEN a.date_rule = b.date_rule AND a.study_day <> b.study_day THEN IIF(b.study_day < a.study_day, 'earlier', 'later')
            WHEN a.study_year <> b.study_year THEN IIF(b.study_year < a.study_year, 'earlier', 'later')
            WHEN a.study_order <> b.study_order THEN IIF(b.study_order < a.study_order, 'earlier', 'later')
            ELSE 'unknown' END AS other
    FROM studies AS a
    INNER JOIN studies AS b ON b.patient_id = a.patient_id AND b.study_uid <> a.study_uid
), known AS (
    SELECT patient_id, study_uid, MAX(IIF(other = 'earlier', 0, 1)) AS not_earlier, MAX(IIF(other = 'later', 1, 0)) AS later
    FROM pairs
    GROUP BY patient_id, study_uid
)
SELECT s.patient_id, s.study_uid, s.scans, s.study_day, s.date_rule, s.study_year, s.study_order, s.choice_scan_id,
    CAST(1 - COALESCE(k.not_earlier, 0) AS BIT) AS is_newest, CAST(COALESCE(k.later, 0) AS BIT) AS is_followed
FROM studies AS s
LEFT JOIN known AS k ON k.patient_id = s.patient_id AND k.study_uid = s.study_uid;
