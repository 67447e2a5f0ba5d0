-- NoHelp: a procedure that a gate refuses.
-- Example: EXECUTE dbo.NoHelp;
CREATE OR ALTER PROCEDURE dbo.NoHelp
    @Count INT = 1 -- how many
AS
BEGIN
    EXECUTE internal.HelpInside @Help = 0;
    SELECT @Count AS n;
END;
