-- ExamineDisabled: indexes that are disabled, and foreign keys and checks that the server does not enforce or does not trust.
-- Called by ExamineSchema, whose caller's table #findings it fills.
CREATE OR ALTER PROCEDURE internal.ExamineDisabled
AS
BEGIN
    SET NOCOUNT ON;

    DECLARE @Mend NVARCHAR(MAX), @Count INT, @Number INT, @Text NVARCHAR(1500);
    BEGIN TRY
        EXECUTE sp_executesql N'SELECT @Count = COUNT(*), @Mend = STRING_AGG(CAST(d.mend AS NVARCHAR(MAX)), N'' '')
FROM (
    SELECT CONCAT(N''ALTER INDEX '', QUOTENAME(i.name), N'' ON dbo.'', QUOTENAME(t.name), N'' REBUILD;'') AS mend
    FROM sys.indexes AS i
    INNER JOIN sys.tables AS t ON t.object_id = i.object_id
    WHERE i.is_disabled = 1 AND t.schema_id = SCHEMA_ID(N''dbo'')
    UNION ALL
    SELECT CONCAT(N''ALTER TABLE dbo.'', QUOTENAME(OBJECT_NAME(k.parent_object_id)),
        N'' WITH CHECK CHECK CONSTRAINT '', QUOTENAME(k.name), N'';'')
    FROM (
        SELECT f.name, f.parent_object_id, f.schema_id FROM sys.foreign_keys AS f WHERE f.is_disabled = 1 OR f.is_not_trusted = 1
        UNION ALL SELECT c.name, c.parent_object_id, c.schema_id FROM sys.check_constraints AS c
        WHERE c.is_disabled = 1 OR c.is_not_trusted = 1
    ) AS k
    WHERE k.schema_id = SCHEMA_ID(N''dbo'')
) AS d;', N'@Count INT OUTPUT, @Mend NVARCHAR(MAX) OUTPUT', @Count OUTPUT, @Mend OUTPUT;
        INSERT INTO #findings (check_name, state, found, mend)
        SELECT N'disabled constraints', CASE WHEN @Count = 0 THEN 'ok' ELSE 'fault' END,
            CONCAT(@Count, N' indexes, foreign keys and checks are disabled or not trusted.'), @Mend;
    END TRY
    BEGIN CATCH
        SELECT @Number = ERROR_NUMBER(), @Text = ERROR_MESSAGE();
        EXECUTE internal.NoteUnread N'disabled constraints', @Number, @Text, N'GRANT VIEW DEFINITION ON SCHEMA::dbo TO public;';
    END CATCH;
END;
