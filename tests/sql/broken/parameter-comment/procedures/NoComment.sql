-- NoComment: a procedure that a gate refuses.
-- Example: EXECUTE dbo.NoComment;
CREATE OR ALTER PROCEDURE dbo.NoComment
    @Count INT = 1,
    @Help BIT = 0 -- 1 prints this help and does nothing else
AS
BEGIN
    IF @Help = 1
        PRINT N'EXECUTE dbo.NoComment;';
    SELECT @Count AS n;
END;
