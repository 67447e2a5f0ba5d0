-- CheckInstallation: the former name of Doctor, kept for one version.
-- Example: EXECUTE dbo.CheckInstallation;
CREATE OR ALTER PROCEDURE dbo.CheckInstallation
    @Help BIT = 0 -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.CheckInstallation is the former name of dbo.Doctor, which it calls; it goes with the next version.
What Python and its packages have is found by dbo.CheckRuntime now.
Parameters:
    @Help BIT = 0  1 prints this help and does nothing else
Example:
    EXECUTE dbo.CheckInstallation;';
        RETURN 0;
    END;

    EXECUTE dbo.Doctor;
END;
