-- UnknownProcedure: a procedure that a gate refuses.
-- Example: EXECUTE dbo.UnknownProcedure;
CREATE OR ALTER PROCEDURE dbo.UnknownProcedure
    @Help BIT = 0 -- 1 prints this help and does nothing else
AS
BEGIN
    IF @Help = 1
        PRINT N'EXECUTE dbo.UnknownProcedure;';
    EXECUTE dbo.NobodyMadeThis;
END;
