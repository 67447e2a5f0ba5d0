-- AppliesSubquery: a procedure that a gate refuses.
-- Example: EXECUTE dbo.AppliesSubquery;
CREATE OR ALTER PROCEDURE dbo.AppliesSubquery
    @Help BIT = 0 -- 1 prints this help and does nothing else
AS
BEGIN
    IF @Help = 1
        PRINT N'EXECUTE dbo.AppliesSubquery;';
    SELECT p.idx, s.scan_id
    FROM dbo.patients AS p
    CROSS APPLY (SELECT TOP (1) scan_id FROM dbo.scans AS x WHERE x.patient_id = p.patient_id ORDER BY x.scan_id) AS s;
END;
