-- CheckInstallation: tells what the external Python has: versions, ONNX Runtime's providers, a GPU if one is seen.
-- Example: EXECUTE dbo.CheckInstallation;
CREATE OR ALTER PROCEDURE dbo.CheckInstallation
    @Help BIT = 0 -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.CheckInstallation runs a script in the language that settings.external_language names and returns what it found:
the versions of Python and of the packages that the procedures use, ONNX Runtime''s providers, and a GPU if one is seen.
Parameters:
    @Help BIT = 0  1 prints this help and does nothing else
Example:
    EXECUTE dbo.CheckInstallation;';
        RETURN 0;
    END;

    DECLARE @Language NVARCHAR(128);
    EXECUTE internal.ReadSettings @Language OUTPUT;

    EXECUTE sp_execute_external_script
        @language = @Language,
        @script = N'
def main():
    from lungdb.procedures import check_installation
    return check_installation()

OutputDataSet = main()
'
    WITH RESULT SETS ((item NVARCHAR(128), value NVARCHAR(1000)));
END;
