-- EndSearch: ends a search that is not finished, so that no worker takes it and what it reads can be deleted.
-- Example: EXECUTE dbo.EndSearch @SearchId = 1;
CREATE OR ALTER PROCEDURE dbo.EndSearch
    @SearchId INT = NULL, -- number of the search; needed
    @Help BIT = 0         -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.EndSearch ends a search that is not finished. It is failed then: no worker takes it, and its data set and features can
be deleted. Figures of trials that were measured stay. A worker that is at it finishes its call and stores no more of it.
Parameters:
    @SearchId INT = NULL  number of the search; needed
    @Help BIT = 0         1 prints this help and does nothing else
Example:
    EXECUTE dbo.EndSearch @SearchId = 1;';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000);
    IF NOT EXISTS (SELECT 1 FROM dbo.searches WHERE search_id = @SearchId AND state IN ('running', 'training'))
    BEGIN
        SET @Message = CONCAT(N'There is no search with the number ', COALESCE(CAST(@SearchId AS NVARCHAR(12)), N'NULL'),
            N' that is not finished. See dbo.searches.');
        THROW 50162, @Message, 1;
    END;
    EXECUTE internal.FailSearch @SearchId, N'The search was ended with EndSearch.';
    RAISERROR(N'Search %d is ended.', 0, 1, @SearchId) WITH NOWAIT;
END;
