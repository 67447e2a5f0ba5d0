-- StartLoad: begins a run of a loader in the log, dbo.runs.
-- Example: DECLARE @RunId INT; EXECUTE dbo.StartLoad @Loader = N'load-scans', @RunId = @RunId OUTPUT;
CREATE OR ALTER PROCEDURE dbo.StartLoad
    @Loader NVARCHAR(64) = NULL,       -- who loads: small letters and hyphens, such as load-scans; needed
    @Arguments NVARCHAR(4000) = NULL,  -- what it was called with, as a JSON object, without names, ids and indices of patients
    @RunId INT = NULL OUTPUT,          -- row of dbo.runs; NULL where the log cannot be written
    @Help BIT = 0                      -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.StartLoad begins a run of a loader in dbo.runs and gives its number. The session holds the run''s lock until EndLoad, or
until it ends: a run without an end and without a lock ended without a word. The commands of lungdb that load call it.
Parameters:
    @Loader NVARCHAR(64) = NULL       who loads: small letters and hyphens, such as load-scans; needed
    @Arguments NVARCHAR(4000) = NULL  what it was called with, as a JSON object, without names, ids and indices of patients
    @RunId INT = NULL OUTPUT          row of dbo.runs; NULL where the log cannot be written
    @Help BIT = 0                     1 prints this help and does nothing else
Example:
    DECLARE @RunId INT;
    EXECUTE dbo.StartLoad @Loader = N''load-scans'', @RunId = @RunId OUTPUT;
    EXECUTE dbo.EndLoad @RunId = @RunId, @Scans = 12, @Slices = 1840;';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000) = N'';
    IF @Loader IS NULL OR @Loader = N'' OR @Loader LIKE N'%[^-a-z]%'
        SET @Message = CONCAT(N'The value ', COALESCE(N'''' + @Loader + N'''', N'NULL'), N' for the parameter @Loader is not supported. ',
            N'Supported are small letters and hyphens, such as load-scans. ');
    IF ISJSON(@Arguments) = 0 OR LEFT(LTRIM(@Arguments), 1) <> N'{'
        SET @Message = CONCAT(@Message, N'The parameter @Arguments is no JSON object. Give one, or NULL.');
    IF @Message <> N''
    BEGIN
        SET @Message = REPLACE(@Message, N'%', N'%%');
        THROW 50101, @Message, 1;
    END;
    EXECUTE internal.StartRun @Loader, @RunId OUTPUT, @Arguments, 0;
END;
