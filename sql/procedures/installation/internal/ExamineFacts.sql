-- ExamineFacts: what CheckRuntime has found of Python, its site-packages, numpy, the packages and the package lungdb itself.
-- Called by Doctor, whose table #findings it fills.
CREATE OR ALTER PROCEDURE internal.ExamineFacts
    @HasPython BIT  -- 1 where the procedures that run Python are installed
AS
BEGIN
    SET NOCOUNT ON;

    DECLARE @Language NVARCHAR(128), @Asked NVARCHAR(128), @At DATETIME2(3), @Count INT, @IsKnown BIT = 0, @Answered BIT;
    SELECT @Asked = COALESCE(MAX(CASE WHEN f.name = N'asked' THEN f.language END), MAX(f.language)), @At = MAX(f.found_at),
        @Count = COUNT(CASE WHEN f.name <> N'asked' THEN 1 END),
        @Answered = MAX(CASE WHEN f.name = N'asked' AND f.value = N'answered' THEN 1 ELSE 0 END)
    FROM dbo.runtime_facts AS f;
    EXECUTE internal.ReadSettings @Language OUTPUT;
    IF @Count = 0
        SET @Answered = 0;
    IF @HasPython = 1 AND @Count > 0
        SET @IsKnown = 1;

    INSERT INTO #findings (check_name, state, found, mend)
    SELECT N'runtime',
        CASE WHEN @HasPython = 0 THEN 'not applicable' WHEN @Asked IS NULL THEN 'warning' WHEN @Answered = 0 THEN 'fault'
            WHEN @Asked <> @Language OR @At < DATEADD(DAY, -30, SYSUTCDATETIME()) THEN 'warning' ELSE 'ok' END,
        CASE WHEN @HasPython = 0 THEN N'The procedures that run Python are not installed (install_sql_only.sql).'
            WHEN @Asked IS NULL THEN N'Python was not asked yet.'
            WHEN @Answered = 0 THEN CONCAT(@Asked, N' was asked at ', CONVERT(NVARCHAR(19), @At, 126),
                N' UTC and did not answer. After error 39012 ',
                N'the runtime has crashed, most often because numpy is not the 1.22 that it was built with: on the server, with its own ',
                N'Python, run python -m pip install "numpy==1.22.*" first. After "No module named" the package is in another Python. ',
                N'After a message that a right is missing, Python was not reached: lungdb sql -d TARGET -i sql/roles/sign.sql gives it.',
                CASE WHEN @Count > 0 THEN N' What is said of Python below is its last answer.' END)
            WHEN @Asked <> @Language
                THEN CONCAT(N'What is known is of the language ', @Asked, N'; the setting external_language is ', @Language, N'.')
            ELSE CONCAT(@Asked, N' answered at ', CONVERT(NVARCHAR(19), @At, 126), N' UTC.') END,
        CASE WHEN @HasPython = 0 THEN NULL
            WHEN @Answered = 1 AND @Asked = @Language AND @At >= DATEADD(DAY, -30, SYSUTCDATETIME()) THEN NULL
            ELSE N'EXECUTE dbo.CheckRuntime;' END;
    IF @IsKnown = 0
    BEGIN
        INSERT INTO #findings (check_name, state, found)
        SELECT n.name, 'not applicable',
            CASE WHEN @HasPython = 0 THEN N'The procedures that run Python are not installed (install_sql_only.sql).'
                ELSE N'Not known before EXECUTE dbo.CheckRuntime has an answer.' END
        FROM (VALUES (N'Python'), (N'site-packages'), (N'numpy'), (N'packages'), (N'package version')) AS n (name);
        RETURN 0;
    END;

    DECLARE @Python NVARCHAR(1000), @Folder NVARCHAR(1000), @NumpyFolder NVARCHAR(1000), @Numpy NVARCHAR(1000), @BuiltFor NVARCHAR(1000),
        @Package NVARCHAR(1000), @OfPackage INT, @OfDatabase INT, @Unusable NVARCHAR(1500);
    SELECT @Python = MAX(CASE f.name WHEN N'Python' THEN f.value END), @Folder = MAX(CASE f.name WHEN N'site-packages' THEN f.value END),
        @NumpyFolder = MAX(CASE f.name WHEN N'folder of numpy' THEN f.value END), @Numpy = MAX(CASE f.name WHEN N'numpy' THEN f.value END),
        @BuiltFor = MAX(CASE f.name WHEN N'numpy of the runtime' THEN f.value END),
        @Package = MAX(CASE f.name WHEN N'lungdb' THEN f.value END),
        @OfPackage = MAX(CASE f.name WHEN N'schema version' THEN TRY_CAST(f.value AS INT) END)
    FROM dbo.runtime_facts AS f;
    EXECUTE internal.JudgePython @Python, @Folder, @NumpyFolder;
    EXECUTE internal.JudgeNumpy @Numpy, @BuiltFor;

    SET @Unusable = (
        SELECT STRING_AGG(CAST(CONCAT(f.name, N': ', LEFT(f.value, 200)) AS NVARCHAR(MAX)), N'; ') WITHIN GROUP (ORDER BY f.name)
        FROM dbo.runtime_facts AS f
        WHERE f.name <> N'numpy'
            AND (f.value LIKE N'not installed%' OR f.value LIKE N'%cannot be used%' OR f.value LIKE N'%pip install%'));
    INSERT INTO #findings (check_name, state, found, mend)
    SELECT N'packages', CASE WHEN @Unusable IS NULL THEN 'ok' ELSE 'fault' END,
        COALESCE(@Unusable, N'pandas, onnx, ONNX Runtime, LightGBM, OpenCV and isal are there and can be used.'),
        CASE WHEN @Unusable IS NOT NULL
            THEN N'python -m pip install -c constraints-sqlserver.txt ".[cpu]" # with the server''s Python, in a checkout of lungdb' END;

    SET @OfDatabase = (SELECT MAX(v.version) FROM dbo.schema_version AS v);
    INSERT INTO #findings (check_name, state, found, mend)
    SELECT N'package version', CASE WHEN @OfPackage = @OfDatabase THEN 'ok' ELSE 'fault' END,
        CONCAT(N'The package in the server''s Python is lungdb ', COALESCE(@Package, N'(unknown)'), N', for schema version ',
            COALESCE(CAST(@OfPackage AS NVARCHAR(12)), N'(unknown)'), N'; the database has ',
            COALESCE(CAST(@OfDatabase AS NVARCHAR(12)), N'none'),
            N'.'),
        CASE WHEN @OfPackage = @OfDatabase THEN NULL
            WHEN @OfPackage > @OfDatabase THEN N'lungdb install -d TARGET'
            ELSE N'python -m pip install -c constraints-sqlserver.txt ".[cpu]" # with the server''s Python, in this version''s folder' END;
END;
