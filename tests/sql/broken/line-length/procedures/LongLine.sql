-- LongLine: a procedure that a gate refuses.
-- Example: EXECUTE dbo.LongLine;
CREATE OR ALTER PROCEDURE dbo.LongLine
    @Help BIT = 0 -- 1 prints this help and does nothing else
AS
BEGIN
    IF @Help = 1
        PRINT N'A line of a hundred and forty-one characters is one too long, so that this one is refused, as short as its words are.......';
END;
