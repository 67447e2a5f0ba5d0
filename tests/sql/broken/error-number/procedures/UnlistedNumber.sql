-- UnlistedNumber: a procedure that a gate refuses.
-- Example: EXECUTE dbo.UnlistedNumber;
CREATE OR ALTER PROCEDURE dbo.UnlistedNumber
    @Help BIT = 0 -- 1 prints this help and does nothing else
AS
BEGIN
    IF @Help = 1
        PRINT N'EXECUTE dbo.UnlistedNumber;';
    THROW 59999, N'Nobody knows this number.', 1;
END;
