-- SetsBothInUpdate: a procedure that a gate refuses.
-- Example: EXECUTE dbo.SetsBothInUpdate;
CREATE OR ALTER PROCEDURE dbo.SetsBothInUpdate
    @Help BIT = 0 -- 1 prints this help and does nothing else
AS
BEGIN
    IF @Help = 1
        PRINT N'EXECUTE dbo.SetsBothInUpdate;';
    DECLARE @Last TINYINT = 0;
    UPDATE dbo.labels SET @Last = label = @Last + 1;
END;
