-- UnknownColumn: a procedure that a gate refuses.
-- Example: EXECUTE dbo.UnknownColumn;
CREATE OR ALTER PROCEDURE dbo.UnknownColumn
    @Help BIT = 0 -- 1 prints this help and does nothing else
AS
BEGIN
    IF @Help = 1
        PRINT N'EXECUTE dbo.UnknownColumn;';
    SELECT p.age FROM dbo.patients AS p;
END;
