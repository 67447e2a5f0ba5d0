-- ExamineStatistics: statistics of our tables that are old and no longer true.
-- Called by Doctor, whose table #findings it fills.
CREATE OR ALTER PROCEDURE internal.ExamineStatistics
AS
BEGIN
    SET NOCOUNT ON;

    DECLARE @MaySee INT, @Count INT, @Mend NVARCHAR(MAX), @Number INT, @Text NVARCHAR(1500), @Composed NVARCHAR(MAX),
        @Owner NVARCHAR(1000);
    -- No GRANT: SELECT on the schema would give away accounts, sessions and tokens.
    SET @Owner = N'EXECUTE dbo.Doctor; -- as a member of db_owner or db_ddladmin';
    SET @Composed = N'SELECT @MaySee = CASE WHEN IS_ROLEMEMBER(N''db_ddladmin'') = 1
    OR HAS_PERMS_BY_NAME(N''dbo'', N''SCHEMA'', N''SELECT'') = 1 THEN 1 ELSE 0 END;
SELECT @Count = COUNT(*), @Mend = STRING_AGG(CAST(CONCAT(N''UPDATE STATISTICS dbo.'', QUOTENAME(o.name), N'';'') AS NVARCHAR(MAX)), N'' '')
FROM (
    SELECT DISTINCT t.name
    FROM sys.tables AS t
    INNER JOIN sys.stats AS s ON s.object_id = t.object_id
    CROSS APPLY sys.dm_db_stats_properties(s.object_id, s.stats_id) AS p
    WHERE t.schema_id = SCHEMA_ID(N''dbo'') AND p.[rows] > 1000 AND p.modification_counter > p.[rows] / 5
        AND p.last_updated < DATEADD(DAY, -7, SYSDATETIME())
) AS o;';
    BEGIN TRY
        EXECUTE sp_executesql @Composed, N'@MaySee INT OUTPUT, @Count INT OUTPUT, @Mend NVARCHAR(MAX) OUTPUT',
            @MaySee OUTPUT, @Count OUTPUT, @Mend OUTPUT;
        IF @MaySee = 0
            EXECUTE internal.NoteUnread N'statistics', NULL, NULL, @Owner;
        ELSE
            INSERT INTO #findings (check_name, state, found, mend)
            VALUES (N'statistics', CASE WHEN @Count = 0 THEN 'ok' ELSE 'warning' END,
                CONCAT(@Count, N' tables have statistics older than a week and more than a fifth of their rows changed since.'), @Mend);
    END TRY
    BEGIN CATCH
        SELECT @Number = ERROR_NUMBER(), @Text = ERROR_MESSAGE();
        EXECUTE internal.NoteUnread N'statistics', @Number, @Text, @Owner;
    END CATCH;
END;
