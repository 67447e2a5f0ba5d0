-- NoSchema: a procedure that a gate refuses.
-- Example: EXECUTE dbo.NoSchema;
CREATE OR ALTER PROCEDURE NoSchema
    @Help BIT = 0 -- 1 prints this help and does nothing else
AS
BEGIN
    EXECUTE internal.NotPublic @Count = 1;
    IF @Help = 1
        PRINT N'EXECUTE dbo.NoSchema;';
    SELECT 1 AS one;
END;
