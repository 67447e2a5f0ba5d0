-- UndeclaredVariable: a procedure that a gate refuses.
-- Example: EXECUTE dbo.UndeclaredVariable;
CREATE OR ALTER PROCEDURE dbo.UndeclaredVariable
    @Help BIT = 0 -- 1 prints this help and does nothing else
AS
BEGIN
    IF @Help = 1
        PRINT N'EXECUTE dbo.UndeclaredVariable;';
    SELECT @Undeclared AS value;
END;
