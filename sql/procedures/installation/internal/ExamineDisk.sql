-- ExamineDisk: the space that is left on the disks of the database's files.
-- Called by Doctor, whose table #findings it fills.
CREATE OR ALTER PROCEDURE internal.ExamineDisk
AS
BEGIN
    SET NOCOUNT ON;

    DECLARE @Free BIGINT, @Size BIGINT, @Most BIGINT, @Number INT, @Text NVARCHAR(1500), @Grant NVARCHAR(1000), @File NVARCHAR(128),
        @Composed NVARCHAR(MAX) = N'SELECT @Free = MIN(v.available_bytes) / 1000000
FROM sys.database_files AS d
CROSS APPLY sys.dm_os_volume_stats(DB_ID(), d.file_id) AS v
WHERE d.type IN (0, 1);
SELECT @File = MAX(CASE WHEN f.max_size <> -1 THEN f.name END), @Size = SUM(CAST(f.size AS BIGINT)) * 8192 / 1000000,
    @Most = CASE WHEN MAX(CASE WHEN f.max_size = -1 THEN 1 ELSE 0 END) = 0 THEN SUM(CAST(f.max_size AS BIGINT)) * 8192 / 1000000 END
FROM sys.database_files AS f
WHERE f.type = 0;';
    BEGIN TRY
        EXECUTE sp_executesql @Composed, N'@Free BIGINT OUTPUT, @Size BIGINT OUTPUT, @Most BIGINT OUTPUT, @File NVARCHAR(128) OUTPUT',
            @Free OUTPUT, @Size OUTPUT, @Most OUTPUT, @File OUTPUT;
        IF CAST(SERVERPROPERTY(N'EngineEdition') AS INT) = 4
            SET @Most = COALESCE(@Most,
                CASE WHEN CAST(SERVERPROPERTY(N'ProductVersion') AS NVARCHAR(128)) LIKE N'17.%' THEN 50 * 1000 ELSE 10 * 1000 END);
        EXECUTE internal.JudgeDisk @Free, @Size, @Most, @File;
    END TRY
    BEGIN CATCH
        SELECT @Number = ERROR_NUMBER(), @Text = ERROR_MESSAGE(),
            @Grant = CONCAT(N'USE master; GRANT VIEW SERVER STATE TO ', QUOTENAME(ORIGINAL_LOGIN()), N';');
        EXECUTE internal.NoteUnread N'disk', @Number, @Text, @Grant;
    END CATCH;
END;
