-- ComputedScript: a procedure that a gate refuses.
-- Example: EXECUTE dbo.ComputedScript;
CREATE OR ALTER PROCEDURE dbo.ComputedScript
    @Help BIT = 0 -- 1 prints this help and does nothing else
AS
BEGIN
    IF @Help = 1
        PRINT N'EXECUTE dbo.ComputedScript;';
    DECLARE @Script NVARCHAR(MAX) = CONCAT(N'OutputDataSet', N' = 1');
    EXECUTE sp_execute_external_script @language = N'Python', @script = @Script;
END;
