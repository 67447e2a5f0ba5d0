-- NotInternal: a procedure that a gate refuses.
-- Example: EXECUTE dbo.NotInternal;
CREATE OR ALTER PROCEDURE internal.NotInternal
    @Help BIT = 0 -- 1 prints this help and does nothing else
AS
BEGIN
    IF @Help = 1
        PRINT N'EXECUTE dbo.NotInternal;';
    SELECT 1 AS one;
END;
