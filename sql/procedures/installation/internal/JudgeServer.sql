-- JudgeServer: says whether what is installed can run on a server of this version, edition and compatibility level.
-- Called by ExamineServer, whose caller's table #findings it fills.
CREATE OR ALTER PROCEDURE internal.JudgeServer
    @Engine INT,             -- EngineEdition of SERVERPROPERTY; 0 is the embedded engine
    @Version NVARCHAR(128),  -- its ProductVersion
    @Edition NVARCHAR(128),  -- its Edition
    @Level INT,              -- compatibility level of the database
    @HasPython BIT           -- 1 where the procedures that run Python are installed
AS
BEGIN
    SET NOCOUNT ON;

    DECLARE @Major INT = TRY_CAST(LEFT(@Version, CHARINDEX(N'.', @Version + N'.') - 1) AS INT), @IsAzure BIT = 0,
        @SqlOnly NVARCHAR(200) = N'lungdb install --sql-only -d TARGET -- in a new database; lungdb copy brings models over';
    IF @Engine IN (5, 6, 8, 9, 11, 12)
        SET @IsAzure = 1;

    INSERT INTO #findings (check_name, state, found, mend)
    SELECT N'version',
        CASE WHEN @Engine = 0 OR @IsAzure = 1 THEN 'ok' WHEN @Major IS NULL THEN 'warning' WHEN @Major < 14 THEN 'fault'
            WHEN @Major < 15 AND @HasPython = 1 THEN 'fault' ELSE 'ok' END,
        CONCAT(COALESCE(@Version, N'Unknown'),
            CASE WHEN @Engine = 0 OR @IsAzure = 1 THEN N''
                WHEN @Major < 14 THEN N' is older than SQL Server 2017 (14), whose grammar the procedures are written in'
                WHEN @Major < 15 AND @HasPython = 1
                    THEN N' is SQL Server 2017, whose Python is older than 3.10: the procedures with Python cannot run'
                WHEN @Major = 15 AND @HasPython = 1
                    THEN N' is SQL Server 2019, whose own Python is 3.7: it needs CU3 or later and an external language with Python 3.10'
                ELSE N'' END, N'.'),
        CASE WHEN @Engine = 0 OR @IsAzure = 1 OR @Major >= 15 THEN NULL
            WHEN @Major = 14 AND @HasPython = 1 THEN @SqlOnly
            WHEN @Major = 14 THEN NULL
            ELSE N'Upgrade the server to SQL Server 2017 or later; for Python to 2022 or later.' END;

    INSERT INTO #findings (check_name, state, found, mend)
    SELECT N'edition',
        CASE WHEN @HasPython = 1 AND @IsAzure = 1 THEN 'fault' ELSE 'ok' END,
        CONCAT(COALESCE(@Edition, N'Unknown'),
            CASE WHEN @HasPython = 1 AND @Engine = 8 THEN N': its Python is 3.7 and it takes no language of your own'
                WHEN @HasPython = 1 AND @IsAzure = 1 THEN N' has no external scripts'
                WHEN @Engine = 4 THEN N': a database ends at 10 GB, in SQL Server 2025 at 50 GB'
                ELSE N'' END, N'.'),
        CASE WHEN @HasPython = 1 AND @IsAzure = 1 THEN @SqlOnly END;

    INSERT INTO #findings (check_name, state, found, mend)
    SELECT N'compatibility level',
        CASE WHEN @Level IS NULL THEN 'warning' WHEN @Level < 130 THEN 'fault' WHEN @Level < 140 THEN 'warning' ELSE 'ok' END,
        CONCAT(COALESCE(CAST(@Level AS NVARCHAR(12)), N'Unknown'),
            CASE WHEN @Level < 130 THEN N' is below 130, where OPENJSON and STRING_SPLIT are not there'
                WHEN @Level < 140 THEN N' is below 140, which the procedures are written for'
                ELSE N'' END, N'.'),
        CASE WHEN @Level >= 140 THEN NULL ELSE N'ALTER DATABASE CURRENT SET COMPATIBILITY_LEVEL = 140;' END;
END;
