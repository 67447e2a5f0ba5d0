-- WrongCaller: a procedure that a gate refuses.
-- Called by NoExample.
CREATE OR ALTER PROCEDURE internal.WrongCaller
    @Count INT -- how many
AS
BEGIN
    SELECT 1 AS one;
END;
