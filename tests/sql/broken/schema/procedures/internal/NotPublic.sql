-- NotPublic: a procedure that a gate refuses.
-- Called by NoSchema.
CREATE OR ALTER PROCEDURE dbo.NotPublic
    @Count INT -- how many
AS
BEGIN
    SELECT 1 AS one;
END;
