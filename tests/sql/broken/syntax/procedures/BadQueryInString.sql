-- BadQueryInString: a procedure that a gate refuses.
-- Example: EXECUTE dbo.BadQueryInString;
CREATE OR ALTER PROCEDURE dbo.BadQueryInString
    @Help BIT = 0 -- 1 prints this help and does nothing else
AS
BEGIN
    IF @Help = 1
        PRINT N'EXECUTE dbo.BadQueryInString;';
    EXECUTE (N'SELECT FROM dbo.patients WHERE');
END;
