CREATE OR ALTER PROCEDURE dbo.NoBanner
    @Help BIT = 0 -- 1 prints this help and does nothing else
AS
BEGIN
    IF @Help = 1
        PRINT N'EXECUTE dbo.NoBanner;';
    SELECT 1 AS one;
END;
