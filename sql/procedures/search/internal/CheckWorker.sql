-- CheckWorker: refuses what RunSearch cannot work with, and fills in what was left out.
-- Called by RunSearch.
CREATE OR ALTER PROCEDURE internal.CheckWorker
    @SearchId INT OUTPUT,          -- search; NULL becomes the oldest that is not finished
    @Worker NVARCHAR(128) OUTPUT,  -- name of the worker; NULL becomes a new one
    @LeaseSeconds INT              -- 1 to 86400
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Given INT = @SearchId;
    IF @@TRANCOUNT > 0
    BEGIN
        SET @Message = CONCAT(N'RunSearch was called inside a transaction. ',
            N'It commits trial by trial: commit or roll back first, then call it again.');
        THROW 50100, @Message, 1;
    END;
    IF @LeaseSeconds IS NULL OR @LeaseSeconds NOT BETWEEN 1 AND 86400 OR @Worker = N''
    BEGIN
        SET @Message = CONCAT(N'The values @LeaseSeconds = ', COALESCE(CAST(@LeaseSeconds AS NVARCHAR(30)), N'NULL'), N' and @Worker = ',
            COALESCE(N'''' + @Worker + N'''', N'NULL'), N' are not supported. Give 1 to 86400 seconds, and a name or NULL.');
        SET @Message = REPLACE(@Message, N'%', N'%%');
        THROW 50101, @Message, 1;
    END;

    SET @SearchId = (
        SELECT MIN(search_id)
        FROM dbo.searches
        WHERE search_id = @Given OR (@Given IS NULL AND state IN ('running', 'training')));
    IF @SearchId IS NULL
    BEGIN
        SET @Message = IIF(@Given IS NULL, N'There is no search that is not finished. Make one with SearchModels.',
            CONCAT(N'There is no search with the number ', @Given, N'. See dbo.searches, or make one with SearchModels.'));
        THROW 50162, @Message, 1;
    END;
    SET @Worker = COALESCE(@Worker, CONVERT(NVARCHAR(36), NEWID()));
END;
