-- NoExample: a procedure that a gate refuses.
CREATE OR ALTER PROCEDURE dbo.NoExample
    @Help BIT = 0 -- 1 prints this help and does nothing else
AS
BEGIN
    IF @Help = 1
        PRINT N'EXECUTE dbo.NoExample;';
    SELECT 1 AS one;
END;
