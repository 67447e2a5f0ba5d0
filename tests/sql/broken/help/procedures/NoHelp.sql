-- NoHelp: a procedure that a gate refuses.
-- Example: EXECUTE dbo.NoHelp;
CREATE OR ALTER PROCEDURE dbo.NoHelp
    @Count INT = 1 -- how many
AS
BEGIN
    SELECT @Count AS n;
END;
