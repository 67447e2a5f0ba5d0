-- NoCaller: a procedure that a gate refuses.
-- Example: EXECUTE internal.NoCaller @Count = 1;
CREATE OR ALTER PROCEDURE internal.NoCaller
    @Count INT -- how many
AS
BEGIN
    SELECT 1 AS one;
END;
