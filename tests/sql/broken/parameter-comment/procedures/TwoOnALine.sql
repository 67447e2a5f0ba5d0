-- TwoOnALine: a procedure that a gate refuses.
-- Example: EXECUTE dbo.TwoOnALine;
CREATE OR ALTER PROCEDURE dbo.TwoOnALine
    @Low INT = 1, @High INT = 2, -- bounds
    @Help BIT = 0 -- 1 prints this help and does nothing else
AS
BEGIN
    IF @Help = 1
        PRINT N'EXECUTE dbo.TwoOnALine;';
    SELECT @Low AS low, @High AS high;
END;
