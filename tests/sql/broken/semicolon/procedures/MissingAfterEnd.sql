-- MissingAfterEnd: a procedure that a gate refuses.
-- Example: EXECUTE dbo.MissingAfterEnd;
CREATE OR ALTER PROCEDURE dbo.MissingAfterEnd
    @Help BIT = 0 -- 1 prints this help and does nothing else
AS
BEGIN
    IF @Help = 1
        PRINT N'EXECUTE dbo.MissingAfterEnd;';
    IF 1 = 1
    BEGIN
        SELECT 1 AS one;
    END
END;
