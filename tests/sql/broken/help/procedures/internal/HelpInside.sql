-- HelpInside: a procedure that a gate refuses.
-- Called by NoHelp.
CREATE OR ALTER PROCEDURE internal.HelpInside
    @Help BIT = 0 -- 1 prints this help and does nothing else
AS
BEGIN
    IF @Help = 1
        PRINT N'help';
    SELECT 1 AS one;
END;
