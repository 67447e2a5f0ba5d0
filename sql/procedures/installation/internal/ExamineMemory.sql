-- ExamineMemory: the memory that external scripts may take, against what the sessions need.
-- Called by Doctor, whose table #findings it fills.
CREATE OR ALTER PROCEDURE internal.ExamineMemory
    @HasPython BIT,       -- 1 where the procedures that run Python are installed
    @ChunkMegabytes INT,  -- megabytes of slices that a session hands to Python at once
    @Sessions INT         -- sessions at the same time
AS
BEGIN
    SET NOCOUNT ON;

    DECLARE @Megabytes BIGINT, @Percent INT, @Network INT, @Number INT, @Text NVARCHAR(1500), @Grant NVARCHAR(1000),
        @HasGovernor BIT = 0;
    IF @HasPython = 0
    BEGIN
        INSERT INTO #findings (check_name, state, found)
        VALUES (N'memory of scripts', 'not applicable', N'The procedures that run Python are not installed (install_sql_only.sql).');
        RETURN 0;
    END;
    -- Enterprise and Developer editions have Resource Governor, Managed Instance too, and from SQL Server 2025 on Standard.
    IF CAST(SERVERPROPERTY(N'EngineEdition') AS INT) IN (3, 8) OR CAST(SERVERPROPERTY(N'EngineEdition') AS INT) = 2
        AND CAST(SERVERPROPERTY(N'ProductVersion') AS NVARCHAR(128)) LIKE N'17.%'
        SET @HasGovernor = 1;
    SET @Network = (SELECT COALESCE(MAX(DATALENGTH(n.model)), 0) / 1000000 FROM dbo.networks AS n);
    BEGIN TRY
        EXECUTE sp_executesql N'SELECT @Percent = p.max_memory_percent FROM sys.resource_governor_external_resource_pools AS p
WHERE p.name = N''default'';
SELECT @Megabytes = o.physical_memory_kb / 1000 FROM sys.dm_os_sys_info AS o;',
            N'@Percent INT OUTPUT, @Megabytes BIGINT OUTPUT', @Percent OUTPUT, @Megabytes OUTPUT;
        EXECUTE internal.JudgeMemory @Megabytes, @Percent, @ChunkMegabytes, @Sessions, @Network, @HasGovernor;
    END TRY
    BEGIN CATCH
        SELECT @Number = ERROR_NUMBER(), @Text = ERROR_MESSAGE(),
            @Grant = CONCAT(N'USE master; GRANT VIEW SERVER STATE TO ', QUOTENAME(ORIGINAL_LOGIN()), N';');
        EXECUTE internal.NoteUnread N'memory of scripts', @Number, @Text, @Grant;
    END CATCH;
END;
