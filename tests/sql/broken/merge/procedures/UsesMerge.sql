-- UsesMerge: a procedure that a gate refuses.
-- Example: EXECUTE dbo.UsesMerge;
CREATE OR ALTER PROCEDURE dbo.UsesMerge
    @Help BIT = 0 -- 1 prints this help and does nothing else
AS
BEGIN
    IF @Help = 1
        PRINT N'EXECUTE dbo.UsesMerge;';
    MERGE dbo.labels AS t
    USING (SELECT N'a' AS patient_id) AS s ON s.patient_id = t.patient_id
    WHEN MATCHED THEN DELETE;
END;
