-- UsesCursorVariable: a procedure that a gate refuses.
-- Example: EXECUTE dbo.UsesCursorVariable;
CREATE OR ALTER PROCEDURE dbo.UsesCursorVariable
    @Help BIT = 0 -- 1 prints this help and does nothing else
AS
BEGIN
    IF @Help = 1
        PRINT N'EXECUTE dbo.UsesCursorVariable;';
    DECLARE @Names CURSOR;
    SET @Names = CURSOR FOR SELECT patient_id FROM dbo.patients;
    OPEN @Names;
END;
