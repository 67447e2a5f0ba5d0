-- NoteUnread: adds to #findings a check that could not be made: the caller may not see what it needs, or this server has no such thing.
-- Called by ExamineServer and every other procedure of Doctor that reads in a TRY, whose caller's table #findings it fills.
CREATE OR ALTER PROCEDURE internal.NoteUnread
    @CheckName NVARCHAR(60),  -- the check
    @Number INT,              -- the error that reading gave, or NULL where the catalog showed nothing
    @Text NVARCHAR(1500),     -- its message
    @Grant NVARCHAR(1000)     -- the statement that lets the caller see it
AS
BEGIN
    SET NOCOUNT ON;

    -- Unknown names and functions are those of another version or edition; 40510 to 40530 are what Azure SQL Database has not.
    INSERT INTO #findings (check_name, state, found, mend)
    SELECT @CheckName,
        CASE WHEN r.is_absent = 1 THEN 'not applicable' WHEN r.is_denied = 1 THEN 'not visible' ELSE 'warning' END,
        CASE WHEN r.is_absent = 1 THEN N'This server has no such thing.'
            WHEN r.is_denied = 1 THEN N'The caller may not see it.'
            ELSE CONCAT(N'This cannot be read: error ', @Number, N', ', @Text) END,
        CASE WHEN r.is_denied = 1 THEN @Grant WHEN r.is_absent = 0 THEN N'EXECUTE dbo.Doctor; -- as a member of db_owner' END
    FROM (
        SELECT CASE WHEN @Number IN (195, 207, 208, 4121) OR @Number BETWEEN 40510 AND 40530 THEN 1 ELSE 0 END AS is_absent,
            CASE WHEN @Number IS NULL OR @Number IN (229, 230, 262, 297, 300, 371, 916, 944, 6004, 15247) THEN 1 ELSE 0 END AS is_denied
    ) AS r;
END;
