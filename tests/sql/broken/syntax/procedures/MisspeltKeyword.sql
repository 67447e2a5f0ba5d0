-- MisspeltKeyword: a procedure that a gate refuses.
-- Example: EXECUTE dbo.MisspeltKeyword;
CREATE OR ALTER PROCEDURE dbo.MisspeltKeyword
    @Help BIT = 0 -- 1 prints this help and does nothing else
AS
BEGIN
    IF @Help = 1
        PRINT N'EXECUTE dbo.MisspeltKeyword;';
    SELEC 1 AS one;
END;
