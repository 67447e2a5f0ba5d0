-- ExamineServer: version, edition, compatibility level, collation and snapshot isolation.
-- Called by Doctor, whose table #findings it fills.
CREATE OR ALTER PROCEDURE internal.ExamineServer
    @HasPython BIT  -- 1 where the procedures that run Python are installed
AS
BEGIN
    SET NOCOUNT ON;

    DECLARE @Engine INT = CAST(SERVERPROPERTY(N'EngineEdition') AS INT), @Level INT,
        @Version NVARCHAR(128) = CAST(SERVERPROPERTY(N'ProductVersion') AS NVARCHAR(128)),
        @Edition NVARCHAR(128) = CAST(SERVERPROPERTY(N'Edition') AS NVARCHAR(128)),
        @Collation NVARCHAR(128), @IsSnapshot BIT, @Number INT, @Text NVARCHAR(1500);
    SET @Level = (SELECT d.compatibility_level FROM sys.databases AS d WHERE d.name = DB_NAME());
    EXECUTE internal.JudgeServer @Engine, @Version, @Edition, @Level, @HasPython;

    BEGIN TRY
        EXECUTE sp_executesql N'SELECT @Collation = d.collation_name FROM sys.databases AS d WHERE d.database_id = DB_ID();',
            N'@Collation NVARCHAR(128) OUTPUT', @Collation OUTPUT;
        INSERT INTO #findings (check_name, state, found)
        VALUES (N'collation', 'ok', CONCAT(COALESCE(@Collation, N'That of the server'), N'; text compares as this collation says.'));
    END TRY
    BEGIN CATCH
        SELECT @Number = ERROR_NUMBER(), @Text = ERROR_MESSAGE();
        EXECUTE internal.NoteUnread N'collation', @Number, @Text, N'GRANT VIEW ANY DATABASE TO public;';
    END CATCH;

    BEGIN TRY
        EXECUTE sp_executesql
            N'SELECT @IsSnapshot = d.is_read_committed_snapshot_on FROM sys.databases AS d WHERE d.database_id = DB_ID();',
            N'@IsSnapshot BIT OUTPUT', @IsSnapshot OUTPUT;
        EXECUTE internal.JudgeSnapshot @IsSnapshot;
    END TRY
    BEGIN CATCH
        SELECT @Number = ERROR_NUMBER(), @Text = ERROR_MESSAGE();
        EXECUTE internal.NoteUnread N'snapshot isolation', @Number, @Text, N'GRANT VIEW ANY DATABASE TO public;';
    END CATCH;
END;
