-- RunDatasetQuery: runs the query of a data set with the caller's own rights and fills #chosen with what it gives. It is to be left
-- unsigned, so that the query can read nothing that the caller could not read without it.
-- Called by TakeMembers, whose table #chosen it fills.
CREATE OR ALTER PROCEDURE internal.RunDatasetQuery
    @Query NVARCHAR(MAX),       -- one SELECT
    @Kind VARCHAR(8) OUTPUT     -- scans where it has a column scan_id, else images
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Composed NVARCHAR(MAX), @Error NVARCHAR(1500);
    EXECUTE internal.WrapQuery @Query, N'scan_id', @Composed OUTPUT;
    BEGIN TRY
        EXECUTE (@Composed);
        SET @Kind = 'scans';
        RETURN 0;
    END TRY
    BEGIN CATCH
        SET @Error = ERROR_MESSAGE();
        IF ERROR_NUMBER() = 207 AND @Error LIKE N'%''scan[_]id''%'
            SET @Kind = 'images';
    END CATCH;
    IF @Kind = 'images'
    BEGIN
        EXECUTE internal.WrapQuery @Query, N'name', @Composed OUTPUT;
        BEGIN TRY
            EXECUTE (@Composed);
            RETURN 0;
        END TRY
        BEGIN CATCH
            SET @Error = IIF(ERROR_NUMBER() = 207 AND ERROR_MESSAGE() LIKE N'%''name''%',
                N'It has neither a column scan_id nor a column name.', ERROR_MESSAGE());
        END CATCH;
    END;
    SET @Message = REPLACE(LEFT(CONCAT(N'The query of the data set cannot be used: ', @Error,
        N' Give one SELECT with a column scan_id, or name for pictures, such as SELECT scan_id FROM dbo.scans.'), 1900), N'%', N'%%');
    THROW 50270, @Message, 1;
END;
