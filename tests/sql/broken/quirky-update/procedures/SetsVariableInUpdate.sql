-- SetsVariableInUpdate: a procedure that a gate refuses.
-- Example: EXECUTE dbo.SetsVariableInUpdate;
CREATE OR ALTER PROCEDURE dbo.SetsVariableInUpdate
    @Help BIT = 0 -- 1 prints this help and does nothing else
AS
BEGIN
    IF @Help = 1
        PRINT N'EXECUTE dbo.SetsVariableInUpdate;';
    DECLARE @Last TINYINT;
    UPDATE dbo.labels SET @Last = label, label = 0;
END;
