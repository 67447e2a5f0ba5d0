-- UnknownArgument: a procedure that a gate refuses.
-- Example: EXECUTE dbo.UnknownArgument;
CREATE OR ALTER PROCEDURE dbo.UnknownArgument
    @Help BIT = 0 -- 1 prints this help and does nothing else
AS
BEGIN
    IF @Help = 1
        PRINT N'EXECUTE dbo.UnknownArgument;';
    EXECUTE dbo.AssignSplits @Seed = 1;
END;
