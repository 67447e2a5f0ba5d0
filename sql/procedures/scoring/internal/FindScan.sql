-- FindScan: finds the primary scan of the patient with an index, or says that there is none.
-- Called by PredictLungCancer and other procedures that are given a patient's index.
CREATE OR ALTER PROCEDURE internal.FindScan
    @PatientIndex INT,   -- idx of the patient
    @ScanId INT OUTPUT   -- the primary scan
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Patients INT;
    SET @ScanId = (
        SELECT s.scan_id
        FROM dbo.patients AS p
        INNER JOIN dbo.scans AS s ON s.patient_id = p.patient_id AND s.is_primary = 1
        WHERE p.idx = @PatientIndex);
    IF @PatientIndex IS NULL
    BEGIN
        SET @Message = N'The parameter @PatientIndex is NULL. Give the idx of a patient in dbo.patients.';
        THROW 50101, @Message, 1;
    END;
    IF @ScanId IS NULL
    BEGIN
        SET @Patients = (SELECT COUNT(*) FROM dbo.patients);
        SET @Message = CONCAT(N'No patient with a scan has the index ', @PatientIndex, N'. ', IIF(@Patients = 0,
            N'No patients are loaded: load scans with scripts/load_scans.py.',
            CONCAT(N'Indices of patients run from 0 to ', (SELECT MAX(idx) FROM dbo.patients), N'; see dbo.patients.')));
        THROW 50107, @Message, 1;
    END;
END;
