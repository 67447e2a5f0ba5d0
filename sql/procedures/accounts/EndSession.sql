-- EndSession: signs out. The web page calls it.
-- Example: EXECUTE dbo.EndSession @Sha256 = @Sha256;
CREATE OR ALTER PROCEDURE dbo.EndSession
    @Sha256 VARBINARY(32) = NULL, -- SHA-256 of the session's secret; needed
    @Help BIT = 0                 -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.EndSession: signs out. The web page calls it.
Parameters:
    @Sha256 VARBINARY(32) = NULL  SHA-256 of the session''s secret; needed
    @Help BIT = 0                 1 prints this help and does nothing else
Example:
    EXECUTE dbo.EndSession @Sha256 = @Sha256;';
        RETURN 0;
    END;

    DELETE FROM dbo.sessions WHERE sha256 = @Sha256;
END;
