-- ShowPatient: a patient with the primary scan, its part in training and its state, in one row.
-- Example: EXECUTE dbo.ShowPatient @PatientIndex = 0;
CREATE OR ALTER PROCEDURE dbo.ShowPatient
    @PatientIndex INT = NULL, -- idx of the patient, 0 and up; needed
    @Help BIT = 0             -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.ShowPatient returns one row: the patient, the primary scan, its part in training and its state.
The state is no features, not scored, scored or failed; of a failed scan, failure says what was wrong.
Parameters:
    @PatientIndex INT = NULL  idx of the patient, 0 and up; needed
    @Help BIT = 0             1 prints this help and does nothing else
Example:
    EXECUTE dbo.ShowPatient @PatientIndex = 0;';
        RETURN 0;
    END;

    DECLARE @ScanId INT;
    EXECUTE internal.FindScan @PatientIndex, @ScanId OUTPUT;
    SELECT p.idx AS patient_index, p.display_name, p.sex, p.birth_year, s.scan_id, s.study_date, s.manufacturer, s.image_rows, s.image_cols,
        s.number_images AS slices, s.spacing_z, s.spacing_y, s.spacing_x, s.gantry_tilt, s.patient_orientation, s.date_rule,
        s.origin_x, s.origin_y, s.origin_z, s.row_x, s.row_y, s.row_z, s.column_x, s.column_y, s.column_z, s.step_x, s.step_y, s.step_z,
        CONVERT(VARCHAR(64), s.content_sha256, 2) AS content_sha256, sp.part,
        CASE t.state WHEN 0 THEN N'no features' WHEN 1 THEN N'not scored' WHEN 2 THEN N'scored' ELSE N'failed' END AS state, t.failure,
        p.patient_id
    FROM dbo.scans AS s
    INNER JOIN dbo.patients AS p ON p.patient_id = s.patient_id
    INNER JOIN dbo.scan_states AS t ON t.scan_id = s.scan_id
    LEFT JOIN dbo.splits AS sp ON sp.patient_id = s.patient_id
    WHERE s.scan_id = @ScanId;
END;
