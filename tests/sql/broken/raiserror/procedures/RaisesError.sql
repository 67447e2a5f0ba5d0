-- RaisesError: a procedure that a gate refuses.
-- Example: EXECUTE dbo.RaisesError;
CREATE OR ALTER PROCEDURE dbo.RaisesError
    @Help BIT = 0 -- 1 prints this help and does nothing else
AS
BEGIN
    IF @Help = 1
        PRINT N'EXECUTE dbo.RaisesError;';
    RAISERROR(N'No patients.', 16, 1);
END;
