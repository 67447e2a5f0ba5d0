-- MissingInside: a procedure that a gate refuses.
-- Example: EXECUTE dbo.MissingInside;
CREATE OR ALTER PROCEDURE dbo.MissingInside
    @Help BIT = 0 -- 1 prints this help and does nothing else
AS
BEGIN
    IF @Help = 1
        PRINT N'EXECUTE dbo.MissingInside;';
    SELECT 1 AS one
    SELECT 2 AS two;
END;
