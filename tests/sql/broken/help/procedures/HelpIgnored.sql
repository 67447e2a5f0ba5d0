-- HelpIgnored: a procedure that a gate refuses.
-- Example: EXECUTE dbo.HelpIgnored;
CREATE OR ALTER PROCEDURE dbo.HelpIgnored
    @Help BIT = 0 -- 1 prints this help and does nothing else
AS
BEGIN
    SELECT 1 AS one;
END;
