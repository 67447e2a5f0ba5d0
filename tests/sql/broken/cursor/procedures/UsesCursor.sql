-- UsesCursor: a procedure that a gate refuses.
-- Example: EXECUTE dbo.UsesCursor;
CREATE OR ALTER PROCEDURE dbo.UsesCursor
    @Help BIT = 0 -- 1 prints this help and does nothing else
AS
BEGIN
    IF @Help = 1
        PRINT N'EXECUTE dbo.UsesCursor;';
    DECLARE names CURSOR LOCAL FAST_FORWARD FOR SELECT patient_id FROM dbo.patients;
    OPEN names;
    CLOSE names;
    DEALLOCATE names;
END;
