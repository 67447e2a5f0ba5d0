-- ShowTruth: the label of a patient and where it comes from; no row when it is not known.
-- Example: EXECUTE dbo.ShowTruth @PatientIndex = 0;
CREATE OR ALTER PROCEDURE dbo.ShowTruth
    @PatientIndex INT = NULL, -- idx of the patient, 0 and up; needed
    @Help BIT = 0             -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.ShowTruth returns the label of a patient, 1 cancer or 0 none, or a class of more, and its source; no row when it is
not known.
It is a procedure of its own, so that the right to call it can be withheld from those who read scans.
Parameters:
    @PatientIndex INT = NULL  idx of the patient, 0 and up; needed
    @Help BIT = 0             1 prints this help and does nothing else
Example:
    EXECUTE dbo.ShowTruth @PatientIndex = 0;';
        RETURN 0;
    END;

    DECLARE @ScanId INT;
    EXECUTE internal.FindScan @PatientIndex, @ScanId OUTPUT;
    SELECT CAST(l.label AS INT) AS label, l.source
    FROM dbo.patients AS p
    INNER JOIN dbo.labels AS l ON l.patient_id = p.patient_id
    WHERE p.idx = @PatientIndex;
END;
