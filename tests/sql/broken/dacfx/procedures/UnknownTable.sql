-- UnknownTable: a procedure that a gate refuses.
-- Example: EXECUTE dbo.UnknownTable;
CREATE OR ALTER PROCEDURE dbo.UnknownTable
    @Help BIT = 0 -- 1 prints this help and does nothing else
AS
BEGIN
    IF @Help = 1
        PRINT N'EXECUTE dbo.UnknownTable;';
    DELETE FROM dbo.patient;
END;
