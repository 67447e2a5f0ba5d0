-- FindScan: finds the primary scan of the patient with an index, or the scan asked for, or says that there is none.
-- Called by PredictLungCancer and other procedures that are given a patient's index.
CREATE OR ALTER PROCEDURE internal.FindScan
    @PatientIndex INT,   -- idx of the patient; NULL where a scan is asked for
    @ScanId INT OUTPUT   -- the scan asked for, whose patient has the index where one is given, or NULL for the primary scan
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Patients INT, @Index INT;
    IF @ScanId IS NOT NULL
    BEGIN
        SET @Index = (
            SELECT p.idx FROM dbo.scans AS s INNER JOIN dbo.patients AS p ON p.patient_id = s.patient_id WHERE s.scan_id = @ScanId);
        IF @Index IS NULL OR @Index <> @PatientIndex
        BEGIN
            SET @Message = CONCAT(IIF(@Index IS NULL, CONCAT(N'There is no scan with the scan_id ', @ScanId, N'.'), CONCAT(N'The scan ',
                @ScanId, N' is not of the patient with index ', @PatientIndex, N'.')), N' See dbo.scans.');
            THROW 50280, @Message, 1;
        END;
        RETURN 0;
    END;
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
